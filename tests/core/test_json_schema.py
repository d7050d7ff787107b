"""What a schema finds wrong, where, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.json_schema import dotted, violations

TABLE: list[tuple[dict[str, Any], Any, list[tuple[str, str]]]] = [
    ({"type": "integer"}, 1, []),
    ({"type": "integer"}, True, [("", "type")]),
    ({"type": "integer"}, 1.0, []),
    ({"type": "number"}, "1", [("", "type")]),
    ({"type": ["string", "null"]}, None, []),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 3, [("", "type")]),
    ({"enum": ["a", 1]}, True, [("", "enum")]),
    ({"const": 1}, True, [("", "const")]),
    ({"properties": {"cpu": {"maximum": 4}}}, {"cpu": 8}, [("cpu", "maximum")]),
    ({"exclusiveMinimum": 0}, 0, [("", "exclusiveMinimum")]),
    ({"multipleOf": 3}, 4, [("", "multipleOf")]),
    ({"required": ["a"]}, {}, [("", "required")]),
    ({"type": "array", "items": {"type": "integer"}}, [1, "x"], [("[1]", "type")]),
    ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", "b"], [("[1]", "type")]),
    ({"additionalProperties": {"type": "string"}}, {"a": 1}, [("a", "type")]),
    ({"additionalProperties": False, "properties": {"image": {}}}, {"imge": 1}, [("imge", "additionalProperties")]),
    ({"$ref": "#/definitions/P", "definitions": {"P": {"minLength": 2}}}, "x", [("", "minLength")]),
    ({"allOf": [{"minItems": 1}, {"uniqueItems": True}]}, [1, 1], [("", "uniqueItems")]),
    ({"pattern": "^a"}, "b", [("", "pattern")]),
    ({"format": "date-time"}, "anything", []),
    ({"type": "no such type"}, 1, []),
]


@pytest.mark.parametrize(("schema", "value", "expected"), TABLE)
def test_what_is_wrong_is_found(schema: dict[str, Any], value: Any, expected: list[tuple[str, str]]) -> None:
    assert [(dotted(found.path), found.rule) for found in violations(schema, value)] == expected


def test_a_fault_names_the_value_and_the_nearest_right_name() -> None:
    schema = {"properties": {"image": {}}, "additionalProperties": False}
    assert str(violations(schema, {"imge": 1})[0]) == "imge: 'imge' is not known here; did you mean 'image'?"


def test_the_option_that_was_meant_is_reported() -> None:
    person = {"type": "object", "properties": {"age": {"type": "integer"}}}
    found = violations({"anyOf": [person, {"type": "null"}]}, {"age": "old"})
    assert [dotted(one.path) for one in found] == ["age"]


def test_what_is_required_may_be_left_out_for_the_outermost_object_only() -> None:
    schema = {"required": ["a"], "properties": {"b": {"type": "object", "required": ["c"]}}}
    assert [one.path for one in violations(schema, {"b": {}}, required=False)] == [("b",)]


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"$ref": "#/definitions/A", "definitions": {"A": {"$ref": "#/definitions/A"}}}
    assert violations(schema, 1) == []
