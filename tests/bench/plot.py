# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots as SVG, drawn by hand: what the report needs and no more."""

import math
from dataclasses import dataclass, field
from typing import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 170, 50, 60
FONT = "font-family='sans-serif' font-size='13'"
COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#8a5a83", "#b08900")


@dataclass
class Line:
    """One curve: its name and its points, in data coordinates."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass
class Bar:
    """One bar of stacked parts: its name and the height of each part."""

    name: str
    parts: Sequence[float]


@dataclass
class _Canvas:
    """Collects elements; the plotting area is what LEFT to BOTTOM leave."""

    title: str
    elements: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        self.elements.append(
            f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"
        )

    def text(self, x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> None:
        self.elements.append(
            f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {more}>{escape(text)}</text>"
        )

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        self.elements.append(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' "
            f"fill='{colour}'/>"
        )

    def polyline(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.elements.append(
            f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
        )
        for x, y in points:
            self.elements.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{colour}'/>")

    def axes(self, x_label: str, y_label: str) -> None:
        middle = (LEFT + WIDTH - RIGHT) / 2
        self.text(middle, 26, self.title, more="font-size='15' font-weight='bold'")
        self.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "#444")
        self.line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#444")
        self.text(middle, HEIGHT - 14, x_label)
        y = (TOP + HEIGHT - BOTTOM) / 2
        self.text(20, y, y_label, more=f"transform='rotate(-90 20 {y:.1f})'")

    def y_tick(self, y: float, label: str) -> None:
        self.line(LEFT, y, WIDTH - RIGHT, y, "#ddd")
        self.text(LEFT - 8, y + 4, label, "end")

    def svg(self) -> str:
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
            f"width='{WIDTH}' height='{HEIGHT}' {FONT} fill='#222'>"
        )
        background = f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>"
        return "\n".join([head, background, *self.elements, "</svg>"]) + "\n"


def _spread_labels(wanted: Sequence[float], gap: float = 17) -> list[float]:
    """Move labels apart that would lie on each other; order is kept."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = list(wanted)
    for before, after in zip(order, order[1:]):
        placed[after] = max(placed[after], placed[before] + gap)
    return placed


def log_log(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], x_ticks: dict[float, str]
) -> str:
    """Draw curves on two logarithmic axes; the y axis has whole decades."""
    canvas = _Canvas(title)
    values = [y for line in lines for _, y in line.points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    x_low, x_high = math.log2(min(x_ticks)), math.log2(max(x_ticks))

    def x_of(value: float) -> float:
        part = (math.log2(value) - x_low) / (x_high - x_low)
        return LEFT + 20 + part * (WIDTH - LEFT - RIGHT - 40)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    for decade in range(low, high + 1):
        canvas.y_tick(y_of(10**decade), f"{10**decade:,}")
    for value, label in x_ticks.items():
        canvas.text(x_of(value), HEIGHT - BOTTOM + 18, label)
    canvas.axes(x_label, y_label)
    ends = _spread_labels([y_of(line.points[-1][1]) for line in lines])
    for line, end, colour in zip(lines, ends, COLOURS):
        canvas.polyline([(x_of(x), y_of(y)) for x, y in line.points], colour)
        canvas.text(WIDTH - RIGHT + 4, end + 4, line.name, "start", f"fill='{colour}'")
    return canvas.svg()


def stacked(title: str, y_label: str, parts: Sequence[str], bars: Sequence[Bar]) -> str:
    """Draw bars of stacked parts on a linear axis from zero."""
    canvas = _Canvas(title)
    highest = max(sum(bar.parts) for bar in bars)
    step = math.pow(10, math.floor(math.log10(highest)))
    if highest / step < 4:
        step /= 2
    top = math.ceil(highest / step) * step

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)

    for tick in range(int(top / step) + 1):
        canvas.y_tick(y_of(tick * step), f"{tick * step:,.0f}")
    canvas.axes("", y_label)
    pitch = (WIDTH - LEFT - RIGHT) / len(bars)
    for i, bar in enumerate(bars):
        x, done = LEFT + (i + 0.2) * pitch, 0.0
        for part, colour in zip(bar.parts, COLOURS):
            canvas.rect(x, y_of(done + part), 0.6 * pitch, y_of(done) - y_of(done + part), colour)
            done += part
        canvas.text(x + 0.3 * pitch, y_of(done) - 6, f"{done:,.0f}")
        canvas.text(x + 0.3 * pitch, HEIGHT - BOTTOM + 18, bar.name)
    for i, (name, colour) in enumerate(zip(parts, COLOURS)):
        y = TOP + 22 * (len(parts) - 1 - i)
        canvas.rect(WIDTH - RIGHT + 14, y, 12, 12, colour)
        canvas.text(WIDTH - RIGHT + 32, y + 11, name, "start")
    return canvas.svg()
