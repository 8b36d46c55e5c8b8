#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py SCHEMA FILE...: is each JSON document as SCHEMA says?

There is a document on each line of each file. Thousands of them differ only in what no
schema here looks at, and are judged once.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

# The keywords that judge a value by more than its type, and that shape() keeps apart.
JUDGING = {"minimum", "pattern", "const", "enum"}
# Those that say which schema is for which value, and those that say something of it to people.
OTHERS = {
    *("$schema", "$id", "$ref", "$defs", "title", "description", "type", "properties"),
    *("required", "additionalProperties", "items", "oneOf", "anyOf", "allOf", "if", "then"),
    *("else", "not", "patternProperties", "propertyNames"),
}
NAMED = {"$defs", "properties", "patternProperties"}
MINIMA = (0, 1)
ADDRESS = re.compile("0x[0-9a-f]+")


def unknown_keywords(schema: Any) -> Iterator[str]:
    """Yield the schema's keywords that this program knows nothing of."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key not in JUDGING | OTHERS:
            yield key
        elif key == "minimum" and value not in MINIMA:
            yield f"{key} {value}"
        elif key in NAMED:
            for sub in value.values():
                yield from unknown_keywords(sub)
        elif key not in JUDGING:
            for sub in value if isinstance(value, list) else [value]:
                yield from unknown_keywords(sub)


def shape(value: Any) -> Any:
    """Return something that is equal for documents that are equal to a schema."""
    if isinstance(value, dict):
        return tuple((key, shape(value[key])) for key in sorted(value))
    if isinstance(value, list):
        return frozenset(map(shape, value))
    if isinstance(value, bool) or value is None:
        return value, "as it is"
    if isinstance(value, (int, float)):
        return value == int(value), *(value >= least for least in MINIMA)
    return ("address", value[-1]) if ADDRESS.fullmatch(value) else value


def main() -> None:
    """Exit status 0 if all are, and there are any; or else say where it is not."""
    schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    if unknown := sorted(set(unknown_keywords(schema))):
        sys.exit(f"{sys.argv[1]}: shape() must learn what {', '.join(unknown)} looks at")
    validator = jsonschema.Draft202012Validator(schema)
    good = True
    seen = set()
    for name in sys.argv[2:]:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
        if not lines:
            print(f"{name} is empty")
            good = False
        for document in map(json.loads, lines):
            looks = shape(document)
            if looks in seen:
                continue
            seen.add(looks)
            for error in validator.iter_errors(document):
                print(f"{name}: {error.json_path}: {error.message}")
                good = False
    sys.exit(not good)


if __name__ == "__main__":
    main()
