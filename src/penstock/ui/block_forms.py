"""The form of a block, by the schema of its type: secrets that only go in, and blocks that are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.block_schemas import HIDDEN, secret_paths
from penstock.ui.schema_forms import Field, block_reference, changed_values, fields_of, offering
from penstock.ui.templating import pretty

PREFIX = "f."
KEPT = "Stored. Leave it empty to keep it."
Offers = Mapping[str, Sequence[tuple[str, str]]]
"""The stored blocks by the slug of their type: id and name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of a stored block as its page tells it; `block` is the id of the block in it."""

    name: str
    label: str
    text: str = ""
    secret: bool = False
    block: str = ""
    help: str = ""


def nested_types(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """The fields that hold blocks, with the slugs of the types that fit."""
    found: dict[str, list[str]] = {}
    for name, raw in (schema.get("block_schema_references") or {}).items():
        several = raw if isinstance(raw, list) else [raw]
        found[name] = [str(one["block_type_slug"]) for one in several if "block_type_slug" in one]
    return found


def block_fields(
    schema: Mapping[str, Any], data: Mapping[str, Any], references: Mapping[str, str], offers: Offers
) -> list[Field]:
    """The fields, holding a block's data. No secret is in them: what is stored is told of, and stays if left empty."""
    values = {**data, **{name: {"$ref": {"block_document_id": id}} for name, id in references.items()}}
    nested = nested_types(schema)
    secrets = {path[0] for path in secret_paths(schema) if len(path) == 1}
    required = set(schema.get("required") or ())
    return [
        _block_field(field, nested[field.name], references.get(field.name), offers, field.name in required)
        if field.name in nested and (field.name in references or not data.get(field.name))
        else _secret_field(field, data.get(field.name) == HIDDEN)
        if field.secret or field.name in secrets
        else field
        for field in fields_of(schema, values)
    ]


def read_form(fields: list[Field], form: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[Field]]:
    """What was changed, and the fields as they stand now, with faults where they have any and secrets taken out."""
    values, now = changed_values(fields, form, PREFIX)
    lacking = {one.name for one in now if one.required and values.get(one.name) in (None, "") and not one.text}
    marked = [replace(one, fault=one.fault or "A value is needed here.") if one.name in lacking else one for one in now]
    return values, [replace(one, text="") if one.secret else one for one in marked]


def shown_fields(schema: Mapping[str, Any], data: Mapping[str, Any], references: Mapping[str, str]) -> list[Shown]:
    """A stored block's fields in the order of its schema, and what it holds beyond it."""
    secrets = {path[0] for path in secret_paths(schema) if len(path) == 1}
    fields = {field.name: field for field in fields_of(schema, data)}
    found = [
        Shown(
            name=name,
            label=field.label,
            text=_told(data[name]) if data.get(name) is not None else "",
            secret=data.get(name) == HIDDEN and (field.secret or name in secrets),
            block=references.get(name, ""),
            help=field.help,
        )
        for name, field in fields.items()
    ]
    return found + [Shown(name, name, _told(value)) for name, value in data.items() if name not in fields]


def _told(value: Any) -> str:
    return value if isinstance(value, str) else pretty(value)


def _secret_field(field: Field, stored: bool) -> Field:
    """One that is written unseen, as text; objects with secrets in them are written as JSON and come with stars."""
    return replace(
        field,
        kind="string",
        text="",
        secret=True,
        long=False,
        required=field.required and not stored,
        nullable=False,
        example=KEPT if stored else field.example,
    )


def _block_field(field: Field, slugs: list[str], chosen: str | None, offers: Offers, required: bool) -> Field:
    several = len(slugs) > 1
    choices = [(id, f"{slug}/{name}" if several else name) for slug in slugs for id, name in offers.get(slug, ())]
    types = " or ".join(repr(slug) for slug in slugs)
    asked = replace(
        field,
        kind="block",
        block_type=types,
        text=block_reference(chosen) if chosen else "",
        nullable=not required,
        required=required and not chosen,
        secret=False,
    )
    return offering([asked], {types: choices})[0]
