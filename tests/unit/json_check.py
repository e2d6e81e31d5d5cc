#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what json_write() wrote with a JSON parser that is not socktale's own.

usage: json_check.py SCHEMA LINES COUNT

Every line must be UTF-8 and one JSON object without a repeated key or a control character, and COUNT lines must be
there. Where the module jsonschema is installed, the first lines must also obey SCHEMA, and damaged ones must not.
"""
import json
import sys


def unique(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"repeated key in {keys}"
    return dict(pairs)


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"), object_pairs_hook=unique)
    lines = open(sys.argv[2], "rb").read().split(b"\n")
    assert lines.pop() == b"", "the last line has no end"
    assert len(lines) == int(sys.argv[3]), f"{len(lines)} lines"
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8")
        assert not any(ord(c) < 32 or ord(c) == 127 or 128 <= ord(c) < 160 for c in text), f"line {number}: control"
        event = json.loads(text, object_pairs_hook=unique)
        missing = [key for key in schema["required"] if key not in event]
        assert not missing, f"line {number}: no {missing}"
    try:
        import jsonschema
    except ImportError:
        print("# module jsonschema is not installed: lines were parsed, but not held against the schema")
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines[:120]:
        event = json.loads(line)
        for error in validator.iter_errors(event):
            sys.exit(f"{error.message[:300]}\n{line.decode()[:300]}")
        assert not validator.is_valid({**event, "event": "no_such_event"}), "an unknown event obeys the schema"
        assert not validator.is_valid({**event, "no_such_key": 1}), "an unknown key obeys the schema"
        del event["pid"]
        assert not validator.is_valid(event), "an event without pid obeys the schema"


main()
