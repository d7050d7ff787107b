"""Forms out of JSON schemas: parameters of a flow, job variables of a pool.

A field is sent only where the reader changed it: what is left as it was stays the deployment's affair. What has no
field of its own kind (objects, lists, unions) is written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

SIMPLE = ("string", "integer", "number", "boolean")
SENTINEL = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `kind` is a simple type, `choice` or `json`. `text` is what it holds at first."""

    name: str
    label: str
    kind: str
    text: str
    required: bool = False
    nullable: bool = False
    secret: bool = False
    long: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()
    fault: str = ""

    @property
    def shown(self) -> str:
        """What it holds, as it is read: a chosen word without its quotes."""
        return self.text.strip('"') if self.kind == "choice" else self.text


def fields_of(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Field]:
    """The fields of an object schema, holding these values or the schema's own defaults."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return []
    named = [(name, raw) for name, raw in properties.items() if isinstance(raw, dict)]
    named.sort(key=lambda pair: pair[1].get("position", 0) if isinstance(pair[1].get("position", 0), int) else 0)
    return [_field(name, raw, schema, values) for name, raw in named]


def changed_values(
    fields: list[Field], form: Mapping[str, list[str]], prefix: str
) -> tuple[dict[str, Any], list[Field]]:
    """What differs from the fields' first texts; and the fields as they stand now, with faults where they have any."""
    values: dict[str, Any] = {}
    now: list[Field] = []
    for field in fields:
        sent = form.get(prefix + field.name, [field.text])[-1].replace("\r\n", "\n")
        field, value = _read(field, sent)
        now.append(field)
        if value is not SENTINEL:
            values[field.name] = value
    return values, now


def _read(field: Field, sent: str) -> tuple[Field, Any]:
    if sent == field.text:
        return field, SENTINEL
    after = replace(field, text=sent)
    try:
        return after, _value(field, sent)
    except ValueError as error:
        return replace(after, fault=str(error)), SENTINEL


def _value(field: Field, sent: str) -> Any:
    """What a text means for a field. Raises ValueError with a sentence."""
    if not sent.strip() and (field.nullable or field.kind not in ("string", "json")):
        if field.nullable:
            return None
        raise ValueError("A value is needed here.")
    if field.kind in ("string", "choice"):
        return sent if field.kind == "string" else json.loads(sent)
    if field.kind == "boolean":
        return sent == "true"
    if field.kind in ("integer", "number"):
        return _number(field.kind, sent)
    try:
        return json.loads(sent)
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}") from None


def _number(kind: str, sent: str) -> int | float:
    try:
        return int(sent) if kind == "integer" else float(sent)
    except ValueError:
        raise ValueError(f"{sent!r} is no {'whole number' if kind == 'integer' else 'number'}.") from None


def _field(name: str, raw: Mapping[str, Any], schema: Mapping[str, Any], values: Mapping[str, Any]) -> Field:
    shape, nullable = _settled(raw, schema)
    choices = tuple(json.dumps(one) for one in shape.get("enum", ()) if not isinstance(one, dict | list))
    kind = "choice" if choices else shape.get("type", "json")
    kind = kind if kind in (*SIMPLE, "choice") else "json"
    value = values.get(name, raw.get("default", SENTINEL))
    required = name in (schema.get("required") or ()) and name not in values
    return Field(
        name=name,
        label=str(raw.get("title") or name),
        kind=kind,
        text=_text(kind, value),
        required=required,
        nullable=nullable or (value is SENTINEL and not required),
        secret=shape.get("format") == "password" or bool(shape.get("writeOnly")),
        long=kind == "json" or (isinstance(value, str) and ("\n" in value or len(value) > 80)),
        help=str(raw.get("description") or ""),
        choices=choices,
    )


def _settled(raw: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The shape behind references and "or null", and whether null is allowed."""
    shape: Mapping[str, Any] = raw
    nullable = False
    for _ in range(8):
        parts = shape.get("anyOf") or shape.get("oneOf") or shape.get("allOf")
        if isinstance(shape.get("$ref"), str):
            shape = _referred(shape["$ref"], schema)
        elif isinstance(parts, list):
            rest = [part for part in parts if isinstance(part, dict) and part.get("type") != "null"]
            nullable = nullable or len(rest) < len(parts)
            if len(rest) != 1:
                return {}, nullable
            shape = rest[0]
        else:
            break
    return shape, nullable


def _referred(reference: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = schema
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _text(kind: str, value: Any) -> str:
    if value is SENTINEL or value is None:
        return ""
    if kind == "string" and isinstance(value, str):
        return value
    if kind in ("json", "string"):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return json.dumps(value)
