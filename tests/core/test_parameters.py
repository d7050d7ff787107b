"""Schemas of flow parameters as Prefect's clients make them, and values that fit them."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict
from uuid import UUID

import pytest
from pydantic import BaseModel

from penstock.core.parameters import filled, misnamed, parameter_schema, unfit, validated, variables_in
from penstock.errors import BadRequest, ParameterInvalid


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y_axis: str = "up"


class Options(TypedDict):
    depth: int


class Model(BaseModel):
    a: int
    b: str | None = None


def one_property(function: Any) -> dict[str, Any]:
    schema = parameter_schema(function)
    return dict(schema["properties"]["value"])


def plain(a: int, b: str = "x", c: float | None = None) -> None: ...


def test_a_schema_has_positions_titles_defaults_and_what_is_required() -> None:
    assert parameter_schema(plain) == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "a": {"position": 0, "title": "a", "type": "integer"},
            "b": {"default": "x", "position": 1, "title": "b", "type": "string"},
            "c": {"default": None, "position": 2, "title": "c", "anyOf": [{"type": "number"}, {"type": "null"}]},
        },
        "required": ["a"],
    }


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Any, {}),
        (list[int], {"items": {"type": "integer"}, "type": "array"}),
        (set[str], {"items": {"type": "string"}, "type": "array", "uniqueItems": True}),
        (tuple[int, ...], {"items": {"type": "integer"}, "type": "array"}),
        (dict[str, int], {"additionalProperties": {"type": "integer"}, "type": "object"}),
        (Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (Literal[3], {"const": 3, "type": "integer"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (UUID, {"type": "string", "format": "uuid"}),
        (Path, {"type": "string", "format": "path"}),
        (Colour, {"$ref": "#/definitions/Colour"}),
        (Point, {"$ref": "#/definitions/Point"}),
        (Model, {"$ref": "#/definitions/Model"}),
        (list[Model], {"items": {"$ref": "#/definitions/Model"}, "type": "array"}),
        (object(), {}),
    ],
)
def test_a_type_has_its_schema(annotation: Any, expected: dict[str, Any]) -> None:
    def flow(value: Any) -> None: ...

    flow.__annotations__ = {"value": annotation}
    assert one_property(flow) == {**expected, "position": 0, "title": "value"}


def test_named_types_are_defined_once() -> None:
    def flow(point: Point, options: Options, model: Model) -> None: ...

    definitions = parameter_schema(flow)["definitions"]
    assert definitions["Point"] == {
        "properties": {
            "x": {"title": "X", "type": "integer"},
            "y_axis": {"title": "Y Axis", "type": "string", "default": "up"},
        },
        "required": ["x"],
        "title": "Point",
        "type": "object",
    }
    assert definitions["Options"]["required"] == ["depth"]
    assert definitions["Model"]["properties"]["a"] == {"title": "A", "type": "integer"}


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (int, "3", 3),
        (bool, "true", True),
        (float, 1, 1.0),
        (list[int], ["1", 2], [1, 2]),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (Colour, "red", Colour.RED),
        (Point, {"x": "4"}, Point(4)),
        (Point, Point(1), Point(1)),
        (Model, {"a": "1"}, Model(a=1)),
        (Any, object, object),
    ],
)
def test_values_are_made_to_fit(annotation: Any, given: Any, expected: Any) -> None:
    def flow(value: Any) -> None: ...

    flow.__annotations__ = {"value": annotation}
    assert validated(flow, {"value": given}) == {"value": expected}


def test_every_parameter_that_does_not_fit_is_named_with_its_value() -> None:
    with pytest.raises(ParameterInvalid) as caught:
        validated(plain, {"a": "many", "b": 3})
    assert "a: Expected `int`" in caught.value.message
    assert "'many'" in caught.value.message
    assert "b: Expected `str`" in caught.value.message


def test_a_misspelt_parameter_is_told_the_nearest_name() -> None:
    def flow(region: str) -> None: ...

    assert misnamed(flow, ["regoin"]) == "'flow' has no parameter 'regoin'; did you mean 'region'?"
    assert misnamed(flow, ["region"]) is None


def test_a_run_is_checked_by_its_deployments_schema() -> None:
    schema = parameter_schema(plain)
    assert [str(fault) for fault in unfit(schema, {})] == ["'a' is needed"]
    assert unfit(schema, {}, required=False) == []
    assert [fault.path for fault in unfit(schema, {"a": "x"})] == [("a",)]
    assert unfit(schema, {"a": {"__prefect_kind": "json", "value": "1"}}) == []


def test_values_by_kind_are_worked_out() -> None:
    given = {
        "a": {"__prefect_kind": "json", "value": '{"n": [1]}'},
        "b": [{"__prefect_kind": "workspace_variable", "variable_name": "region"}],
        "c": {"__prefect_kind": "none", "value": 3},
        "d": "as it is",
    }
    assert variables_in(given) == {"region"}
    assert filled(given, {"region": "eu"}) == {"a": {"n": [1]}, "b": ["eu"], "c": 3, "d": "as it is"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"__prefect_kind": "json", "value": "{"}, "not JSON"),
        ({"__prefect_kind": "workspace_variable", "variable_name": "no"}, "'no', which does not exist"),
        ({"__prefect_kind": "jinja", "template": "{{ x }}"}, "only automations"),
        ({"__prefect_kind": "magic"}, "unknown kind"),
    ],
)
def test_what_can_not_be_worked_out_is_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        filled({"a": value}, {})
