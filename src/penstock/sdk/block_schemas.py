"""The fields of a block class: their schema for the server's forms, their values to and from JSON."""

from __future__ import annotations

import typing
from typing import Any

import msgspec

from penstock.core.parameters import fit

HIDDEN = "**********"


class SecretStr:
    """A secret that does not show when it is printed."""

    def __init__(self, value: Any) -> None:
        self._value = value.get_secret_value() if hasattr(value, "get_secret_value") else value

    def get_secret_value(self) -> Any:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return f"SecretStr('{HIDDEN}')"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("SecretStr", self._value))


def field_types(cls: type) -> dict[str, Any]:
    """The fields of a block class in the order they were declared, with their types."""
    hints = typing.get_type_hints(cls)
    return {
        name: kind
        for name, kind in hints.items()
        if not name.startswith("_") and typing.get_origin(kind) is not typing.ClassVar
    }


def schema_fields(cls: Any, slug: str) -> dict[str, Any]:
    """The JSON schema that the server keeps for a block type."""
    types = field_types(cls)
    properties: dict[str, Any] = {}
    references: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for position, (name, kind) in enumerate(types.items()):
        found = {"title": name.replace("_", " ").title(), **_property(kind, definitions)}
        if hasattr(cls, name) and not _is_secret(kind):
            found["default"] = msgspec.to_builtins(getattr(cls, name), enc_hook=str)
        properties[name] = {**found, "position": position}
        if inner := block_kinds(kind):
            named = [{"block_type_slug": one.get_block_type_slug()} for one in inner]
            references[name] = named if len(named) > 1 else named[0]
    fields = {
        "block_type_slug": slug,
        "block_schema_references": references,
        "title": cls.__name__,
        "type": "object",
        "properties": properties,
        "required": [name for name in types if not hasattr(cls, name)],
        "secret_fields": secret_fields(cls),
    }
    return fields | ({"definitions": definitions} if definitions else {})


def secret_fields(cls: Any) -> list[str]:
    """The dotted names of what may not be shown."""
    found: list[str] = []
    for name, kind in field_types(cls).items():
        if _is_secret(kind):
            found.append(name)
        found += [f"{name}.{inner}" for block in block_kinds(kind) for inner in secret_fields(block)]
    return found


def block_kinds(kind: Any) -> list[Any]:
    """The block classes that a field may hold one of."""
    if _is_block(kind):
        return [kind]
    return [one for one in typing.get_args(kind) if _is_block(one)]


def as_data(block: Any, *, hide: bool = True) -> dict[str, Any]:
    """The values as the server keeps them; a block in a field that was saved is named, not copied.

    With `hide=False` saved blocks are copied too, for comparing.
    """
    return {name: _as_json(getattr(block, name), hide) for name in field_types(type(block))}


def from_data(value: Any, kind: Any) -> Any:
    """A field's value of its type. Raises ValueError."""
    if _is_secret(kind):
        return value if isinstance(value, SecretStr) or value is None else SecretStr(value)
    if (kinds := block_kinds(kind)) and isinstance(value, dict):
        return _block_from(value, kinds)
    return value if kinds and (value is None or _is_block(type(value))) else fit(value, kind)


def _block_from(data: dict[str, Any], kinds: list[Any]) -> Any:
    """A block of the class that knows most of the names."""
    known = {kind: {name: data[name] for name in field_types(kind) if name in data} for kind in kinds}
    kind = max(kinds, key=lambda one: len(known[one]))
    return kind(**known[kind])


def _as_json(value: Any, hide: bool) -> Any:
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if _is_block(type(value)):
        if hide and value._block_document_id is not None:
            return {"$ref": {"block_document_id": str(value._block_document_id)}}
        return as_data(value, hide=hide)
    return msgspec.to_builtins(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)


def _property(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if _is_secret(kind):
        return {"type": "string", "writeOnly": True, "format": "password"}
    if kinds := block_kinds(kind):
        named = [_defined(one, definitions) for one in kinds]
        return named[0] if len(named) == 1 else {"anyOf": named}
    try:
        schema = msgspec.json.schema(kind)
    except TypeError:
        return {}
    definitions.update(schema.pop("$defs", {}))
    return schema


def _defined(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    inner = schema_fields(kind, kind.get_block_type_slug())
    definitions.update(inner.pop("definitions", {}))
    definitions[kind.__name__] = inner
    return {"$ref": f"#/definitions/{kind.__name__}"}


def _is_secret(kind: Any) -> bool:
    if any(_is_secret(part) for part in typing.get_args(kind)):
        return True
    return isinstance(kind, type) and hasattr(kind, "get_secret_value")


def _is_block(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "get_block_type_slug")
