"""Forms out of JSON schemas: parameters of a flow, job variables of a pool.

A field is sent only where the reader changed it: what is left as it was stays the deployment's affair. What has no
field of its own kind (objects, lists, unions) is written as JSON. A block is chosen from those that there are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.json_schema import Violation, dotted
from penstock.ui.templating import pretty

SIMPLE = ("string", "integer", "number", "boolean")
EXAMPLES = {"object": '{"key": "value"}', "array": '["one", "two"]'}
"""What JSON could look like where its schema shows none."""
SENTINEL = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `kind` is a simple type, `choice`, `block` or `json`. `text` is what it holds at first.

    `choices` are JSON texts, and `words` say them, where they do not say it themselves. A block's choices are put in
    by `offering`; without any it is written as JSON.
    """

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
    words: tuple[str, ...] = ()
    block_type: str = ""
    """The slug of the type of block that it holds."""
    example: str = ""

    @property
    def shown(self) -> str:
        """What it holds, as it is read: a chosen word without its quotes, short JSON in one line."""
        if self.kind == "json" and self.text:
            return pretty(json.loads(self.text))
        return self._said(self.text) if self.kind in ("choice", "block") else self.text

    @property
    def options(self) -> list[tuple[str, str]]:
        """What may be chosen, as it is sent and as it is read; what it holds is among them, known or not."""
        if self.kind == "boolean":
            return [("true", "true"), ("false", "false")]
        known = [*self.choices, *([self.text] if self.text and self.text not in self.choices else [])]
        return [(one, self._said(one)) for one in known]

    def _said(self, choice: str) -> str:
        if self.words and choice in self.choices:
            return self.words[self.choices.index(choice)]
        return choice.strip('"')


def fields_of(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Field]:
    """The fields of an object schema, holding these values or the schema's own defaults."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return []
    named = [(name, raw) for name, raw in properties.items() if isinstance(raw, dict)]
    named.sort(key=lambda pair: pair[1].get("position", 0) if isinstance(pair[1].get("position", 0), int) else 0)
    return [_field(name, raw, schema, values) for name, raw in named]


def offering(fields: Sequence[Field], blocks: Mapping[str, Sequence[tuple[str, str]]]) -> list[Field]:
    """The fields, those of blocks with what may be chosen: pairs of an id and a name, by type of block."""
    return [_offered(field, blocks[field.block_type]) if field.block_type in blocks else field for field in fields]


def _offered(field: Field, blocks: Sequence[tuple[str, str]]) -> Field:
    choices = tuple(block_reference(id) for id, _ in blocks)
    lacking = f"There is no block of the type {field.block_type!r} yet." if not blocks else ""
    help = " ".join(one for one in (field.help, lacking) if one)
    return replace(field, choices=choices, words=tuple(name for _, name in blocks), help=help)


def block_reference(id: str) -> str:
    """How a value refers to a block, as the text that a field holds."""
    return json.dumps({"$ref": {"block_document_id": id}})


def with_faults(fields: Sequence[Field], faults: Sequence[Violation]) -> tuple[list[Field], list[str]]:
    """The fields with what is wrong with their values, and what is wrong with none of them."""
    said: dict[str, str] = {}
    for fault in faults:
        lacks = bool(fault.lacking) and not fault.path
        within = dotted(fault.path[1:])
        sentence = (
            "A value is needed here." if lacks else f"{within}: {fault.message}." if within else f"{fault.message}."
        )
        said.setdefault(fault.lacking if lacks else str(fault.path[0]) if fault.path else "", sentence)
    known = {field.name for field in fields}
    marked = [replace(field, fault=field.fault or said.get(field.name, "")) for field in fields]
    return marked, [f"{name}: {words}" if name else words for name, words in said.items() if name not in known]


def json_value(text: str) -> Any:
    """What a JSON text means. Raises ValueError with a sentence; what only Python takes for JSON (NaN) is none."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("This is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}.") from None


def json_object(text: str, example: str) -> dict[str, Any]:
    """An object, none for no text. Raises ValueError with a sentence, which shows an example where it is no object."""
    found = json_value(text) if text.strip() else {}
    if not isinstance(found, dict):
        raise ValueError(f"An object is needed here, such as {example}.")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


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
    if field.kind == "string":
        return sent
    if field.kind == "boolean":
        return sent == "true"
    if field.kind in ("integer", "number"):
        return _number(field.kind, sent)
    return json_value(sent)


def _number(kind: str, sent: str) -> int | float:
    try:
        number = int(sent) if kind == "integer" else float(sent)
        if not math.isfinite(number):
            raise ValueError
        return number
    except (ValueError, OverflowError):
        raise ValueError(f"{sent!r} is no {'whole number' if kind == 'integer' else 'number'}.") from None


def _field(name: str, raw: Mapping[str, Any], schema: Mapping[str, Any], values: Mapping[str, Any]) -> Field:
    shape, nullable = _settled(raw, schema)
    choices = tuple(json.dumps(one) for one in shape.get("enum", ()) if not isinstance(one, dict | list))
    block_type = str(shape.get("block_type_slug") or "")
    kind = "choice" if choices else "block" if block_type else shape.get("type", "json")
    kind = kind if kind in (*SIMPLE, "choice", "block") else "json"
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
        block_type=block_type,
        example=_example(raw) or EXAMPLES.get(str(shape.get("type")), ""),
    )


def _example(raw: Mapping[str, Any]) -> str:
    """What a value could look like, in one line."""
    several = raw.get("examples")
    given = raw.get("example") or (several[0] if isinstance(several, list) and several else "")
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


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
        return pretty(value)
    return json.dumps(value)
