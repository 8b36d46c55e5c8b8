#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the devmem_ names that queries ask for.

    queries.py FILE...

A FILE is a Grafana dashboard or what Prometheus says of its rules (.json), or a
console page.
"""

import json
import re
import sys
from pathlib import Path

NAME = re.compile(r"(?<![\w:./])(?:\w+:)?devmem_\w+(?::\w+)?")
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def queries(tree: object) -> list[str]:
    """Return the queries anywhere in a JSON document."""
    if isinstance(tree, list):
        return [query for part in tree for query in queries(part)]
    if not isinstance(tree, dict):
        return []
    own = [tree[key] for key in ("expr", "query") if isinstance(tree.get(key), str)]
    return own + [query for part in tree.values() for query in queries(part)]


def used(path: Path) -> set[str]:
    """Return the names that occur in a file's queries; in all of a console page."""
    text = path.read_text()
    if path.suffix == ".json":
        text = "\n".join(queries(json.loads(text)))
    return {SUFFIX.sub("", name) for name in NAME.findall(text)}


def main() -> None:
    """Print them, one per line."""
    names = set().union(*(used(Path(path)) for path in sys.argv[1:]))
    print("\n".join(sorted(names)))


if __name__ == "__main__":
    main()
