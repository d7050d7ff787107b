"""From words on a command line to the data of a block, by the schema of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from penstock.cli.connect import find
from penstock.cli.console import Failure, may_ask
from penstock.cli.files import parse_json, read_text
from penstock.client.client import Client
from penstock.names import nearest
from penstock.wire import blocks

Json = Mapping[str, Any]


def block_data(client: Client, fields: Json, given: Json, words: tuple[str, ...]) -> dict[str, Any]:
    """The data of a block: what a file gave, with what the words say laid over it.

    A word is `field=value`; `field=@path` takes a file's content, `field` alone is asked for unseen, and for a
    field that holds a block the value is `type/name`. Raises Failure for what the schema does not know or lacks.
    """
    data = dict(given)
    for word in words:
        name, equals, text = word.partition("=")
        _check_name(name, fields)
        data[name] = _value(client, name, text if equals else None, fields)
    for name in data:
        _check_name(name, fields)
    missing = [name for name in fields.get("required", ()) if data.get(name) is None]
    if missing:
        raise Failure(f"A block of this type needs {', '.join(missing)}; give each as --set FIELD=VALUE.")
    return data


def _check_name(name: str, fields: Json) -> None:
    known = list(fields.get("properties", {}))
    if known and name not in known:
        near = nearest(name, known)
        hint = f"Did you mean {near!r}?" if near else f"There are {', '.join(known)}."
        raise Failure(f"Blocks of this type have no field {name!r}. {hint}")


def _value(client: Client, name: str, text: str | None, fields: Json) -> Any:
    if text is None:
        return _asked(name)
    if name in fields.get("block_schema_references", {}):
        return {"$ref": {"block_document_id": str(_block_id(client, text))}}
    if text.startswith("@"):
        text = read_text(text[1:]).rstrip("\n")
    kinds = _kinds(fields.get("properties", {}).get(name, {}))
    if "string" in kinds or not kinds:
        return text
    return parse_json(text, f"The value of {name}")


def _asked(name: str) -> str:
    if not may_ask():
        raise Failure(f"There is nobody to ask for {name}; give it as {name}=VALUE or {name}=@FILE.")
    found: str = click.prompt(name, hide_input=True, err=True)
    return found


def _kinds(schema: Json) -> set[str]:
    """The JSON types that a field may have."""
    parts = schema.get("anyOf") or [schema]
    return {"object" if "$ref" in part else part["type"] for part in parts if "$ref" in part or "type" in part} - {
        "null"
    }


def _block_id(client: Client, text: str) -> Any:
    slug, slash, name = text.partition("/")
    if not slash:
        raise Failure(f"{text!r} does not name a block; write it as type/name.")
    missing = f"Block {text!r} not found."
    return find(client, blocks.read_block_document_by_name, missing, slug=slug, block_document_name=name).id
