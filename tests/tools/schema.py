#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py SCHEMA FILE...: is each JSON document as SCHEMA says?

There is a document on each line of each file.
"""

import json
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]


def main() -> None:
    """Exit status 0 if all are, and there are any; or else say where it is not."""
    schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = True
    for name in sys.argv[2:]:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
        if not lines:
            print(f"{name} is empty")
            good = False
        for line in lines:
            for error in validator.iter_errors(json.loads(line)):
                print(f"{name}: {error.json_path}: {error.message}")
                good = False
    sys.exit(not good)


if __name__ == "__main__":
    main()
