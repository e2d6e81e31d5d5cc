#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what json_write() wrote with a JSON parser that is not socktale's own.

usage: json_check.py SCHEMA LINES COUNT

Every line must be UTF-8 and one JSON object without a repeated key or a control character, and COUNT lines must be
there. Each must obey SCHEMA, and damaged ones must not: by the few words of JSON schema that ours uses, below, and, where the
module jsonschema is installed, the first lines by that too.
"""
import json
import sys


def unique(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"repeated key in {keys}"
    return dict(pairs)


TYPES = {"object": dict, "array": list, "string": str, "null": type(None)}
WORDS = {"$schema", "$defs", "title", "description", "type", "const", "enum", "required", "properties", "items", "$ref", "allOf", "anyOf",
         "oneOf", "not", "if", "then", "unevaluatedProperties"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "boolean":
        return isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Schema:
    def __init__(self, whole):
        self.whole = whole

    def obeys(self, value, schema=None):
        return self.seen(value, self.whole if schema is None else schema) is not None

    def seen(self, value, schema):
        """The keys of `value` that `schema` speaks of; None where it is not obeyed."""
        assert not set(schema) - WORDS, f"a word this check does not know: {set(schema) - WORDS}"
        types = schema.get("type", [])
        if types and not any(is_type(value, name) for name in ([types] if isinstance(types, str) else types)):
            return None
        if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
            return None
        keys = set()
        if isinstance(value, dict):
            if any(key not in value for key in schema.get("required", [])):
                return None
            for key, inner in schema.get("properties", {}).items():
                if key in value and not self.obeys(value[key], inner):
                    return None
                keys |= {key} & set(value)
        if isinstance(value, list) and not all(self.obeys(each, schema["items"]) for each in value if "items" in schema):
            return None
        inner = self.all_of(value, schema)
        if inner is None:
            return None
        keys |= inner
        if schema.get("unevaluatedProperties") is False and isinstance(value, dict) and set(value) - keys:
            return None
        return keys

    def all_of(self, value, schema):
        parts = [self.seen(value, part) for part in schema.get("allOf", [])]
        if "$ref" in schema:
            parts.append(self.seen(value, self.whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]))
        if "anyOf" in schema or "oneOf" in schema:
            good = [keys for part in schema.get("anyOf", []) + schema.get("oneOf", []) if (keys := self.seen(value, part)) is not None]
            if not good or ("oneOf" in schema and len(good) != 1):
                return None
            parts += good
        if "not" in schema and self.obeys(value, schema["not"]):
            return None
        if "if" in schema and self.obeys(value, schema["if"]):
            parts.append(self.seen(value, schema["then"]))
        return None if None in parts else set().union(*parts)


def damaged(event):
    yield "an unknown event", {**event, "event": "no_such_event"}
    yield "an unknown key", {**event, "no_such_key": 1}
    yield "an event without pid", {key: value for key, value in event.items() if key != "pid"}
    if event.get("notes"):
        yield "a note without evidence", {**event, "notes": [{**event["notes"][0], "evidence": None}]}


def hold_against(obeys, lines):
    for number, line in enumerate(lines, 1):
        event = json.loads(line)
        assert obeys(event), f"line {number} does not obey the schema: {line.decode()[:400]}"
        for what, wrong in damaged(event):
            assert not obeys(wrong), f"{what} obeys the schema"


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"), object_pairs_hook=unique)
    lines = open(sys.argv[2], "rb").read().split(b"\n")
    assert lines.pop() == b"", "the last line has no end"
    assert len(lines) == int(sys.argv[3]), f"{len(lines)} lines"
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8")
        assert not any(ord(c) < 32 or ord(c) == 127 or 128 <= ord(c) < 160 for c in text), f"line {number}: control"
        json.loads(text, object_pairs_hook=unique)
    hold_against(Schema(schema).obeys, lines)
    try:
        import jsonschema
    except ImportError:
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    hold_against(jsonschema.Draft202012Validator(schema).is_valid, lines[:80])


main()
