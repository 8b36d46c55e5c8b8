#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Take the tables and programs out of the documentation, so that it is what is tested.

rst.py tables HEADING FILE   the simple tables of a section, a line "CELL|CELL" for each row
rst.py block REGEX FILE      the literal block in which a line matches
rst.py output REGEX FILE     the one after it: what the commands of that block print
"""

import re
import sys
from collections.abc import Iterator


def section(lines: list[str], heading: str) -> list[str]:
    """Return the lines from below a heading to the next heading of any level."""
    begin = next(
        i + 2
        for i, (line, rule) in enumerate(zip(lines, lines[1:]))
        if line == heading and re.fullmatch(r"=+|-+", rule)
    )
    end = next(
        (
            i
            for i in range(begin, len(lines) - 1)
            if re.fullmatch(r"=+|-+", lines[i + 1]) and re.match(r"\w", lines[i])
        ),
        len(lines),
    )
    return lines[begin:end]


def cells(rule: str, line: str) -> list[str]:
    """Cut a table's line at the columns that its rule draws."""
    starts = [match.start() for match in re.finditer(r"=+", rule)]
    ends = [*starts[1:], None]
    return [line[start:end].strip() for start, end in zip(starts, ends)]


def rows(lines: list[str]) -> Iterator[list[str]]:
    """Yield the rows of all tables, without their headers."""
    rule = ""
    rules = 0
    table: list[list[str]] = []
    for number, line in enumerate(lines):
        if re.fullmatch(r"=+( +=+)+", line):
            rules += 1
            if rules > 1 and lines[number + 1 :] and lines[number + 1]:
                table = []  # that was the header
            rule = line
        elif not line:
            yield from table
            rules, table = 0, []
        elif rules and line.startswith(" "):
            table[-1] = [f"{a} {b}".strip() for a, b in zip(table[-1], cells(rule, line))]
        elif rules:
            table.append(cells(rule, line))
    yield from table


def block(lines: list[str], regex: str, after: int) -> list[str]:
    """Return, not indented, the first literal block with a match, or one that comes after it."""
    text = "\n".join(lines) + "\n"
    found = re.finditer(r"::(?: \S+)?\n\n((?:(?:   .*)?\n)+)", text)
    blocks = [re.sub(r"(?m)^   ", "", match[1]).strip("\n").split("\n") for match in found]
    for number, body in enumerate(blocks):
        if any(re.search(regex, line) for line in body):
            return blocks[number + after]
    raise SystemExit(f"rst.py: no block has a line like '{regex}'")


def main() -> None:
    """Print what is asked for."""
    _, what, which, path = sys.argv
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    if what == "tables":
        for row in rows(section(lines, which)):
            print("|".join(row).replace("`", ""))
    else:
        print("\n".join(block(lines, which, after=int(what == "output"))))


if __name__ == "__main__":
    main()
