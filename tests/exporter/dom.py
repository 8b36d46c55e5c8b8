#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Look at a page as a browser has it.

    dom.py text FILE ID      the text of the element with this id, blanks run together
    dom.py rows FILE ID      the rows of the table with this id, cells parted by tabs

What a script or a style sheet would do is not looked at.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Element(HTMLParser):
    """Collects what is in one element."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted = wanted
        self.depth = 0
        self.text: list[str] = []
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.depth or dict(attrs).get("id") == self.wanted:
            self.depth += tag not in VOID
            if tag == "tr":
                self.rows.append([])
            if tag in ("td", "th"):
                self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag not in VOID:
            self.depth -= 1

    def handle_data(self, data: str) -> None:
        if not self.depth:
            return
        self.text.append(data)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def main() -> None:
    """Do what the first argument says."""
    what, path, wanted = sys.argv[1:]
    element = Element(wanted)
    element.feed(Path(path).read_text())
    if what == "text":
        print(" ".join(" ".join(element.text).split()))
    else:
        for row in element.rows:
            print("\t".join(" ".join(cell.split()) for cell in row))


if __name__ == "__main__":
    main()
