#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py SCHEMA FILE: is the JSON document in FILE as SCHEMA says?"""

import json
import sys

import jsonschema


def main() -> None:
    """Exit status 0 if it is; or else say where it is not."""
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        document = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    for error in errors:
        print(f"{error.json_path}: {error.message}")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
