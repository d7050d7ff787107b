"""JSON schemas of Python types, in the form Prefect's clients make them (pydantic's).

Named types (enums, dataclasses, typed dictionaries, pydantic models) become `definitions` that the
schema refers to. A type that says nothing in JSON becomes `{}`: anything goes. pydantic is asked only
about its own types, and only where the user's program has imported it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import pathlib
import sys
import types
import typing
import uuid
from typing import Any, get_args, get_origin

import msgspec

REFERENCE = "#/definitions/{model}"

_SIMPLE: dict[Any, dict[str, Any]] = {
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "format": "binary"},
    None: {"type": "null"},
    type(None): {"type": "null"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    datetime.time: {"type": "string", "format": "time"},
    datetime.timedelta: {"type": "string", "format": "duration"},
    uuid.UUID: {"type": "string", "format": "uuid"},
    pathlib.Path: {"type": "string", "format": "path"},
    decimal.Decimal: {"anyOf": [{"type": "number"}, {"type": "string"}]},
    list: {"type": "array", "items": {}},
    tuple: {"type": "array", "items": {}},
    set: {"type": "array", "items": {}, "uniqueItems": True},
    frozenset: {"type": "array", "items": {}, "uniqueItems": True},
    dict: {"type": "object", "additionalProperties": True},
}
_SEQUENCES = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS = (set, frozenset, collections.abc.Set)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

Definitions = dict[str, Any]


def schema_of(annotation: Any, definitions: Definitions) -> dict[str, Any]:
    """The schema of one type; named types are added to `definitions`."""
    if isinstance(annotation, collections.abc.Hashable) and annotation in _SIMPLE:
        return dict(_SIMPLE[annotation])
    if is_pydantic(annotation):
        return _from_pydantic(annotation, definitions)
    origin = get_origin(annotation)
    if origin is not None:
        return _of_generic(origin, get_args(annotation), definitions)
    if isinstance(annotation, type):
        return _of_class(annotation, definitions)
    return {}


def is_pydantic(annotation: Any) -> bool:
    """Whether a type is pydantic's, or is built of one."""
    if "pydantic" not in sys.modules:
        return False
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return hasattr(annotation, "__get_pydantic_core_schema__") or hasattr(annotation, "__pydantic_fields__")
    if any(type(extra).__module__.partition(".")[0] == "pydantic" for extra in getattr(annotation, "__metadata__", ())):
        return True
    return any(is_pydantic(argument) for argument in get_args(annotation))


def _of_generic(origin: Any, args: tuple[Any, ...], definitions: Definitions) -> dict[str, Any]:
    if origin is typing.Annotated:
        return schema_of(args[0], definitions)
    if origin is typing.Literal:
        return _of_values(list(args))
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of(argument, definitions) for argument in args]}
    if origin is tuple:
        return _of_tuple(args, definitions)
    if origin in _SETS:
        return {"items": schema_of(args[0], definitions), "type": "array", "uniqueItems": True}
    if origin in _SEQUENCES:
        return {"items": schema_of(args[0], definitions), "type": "array"}
    if origin in _MAPPINGS:
        return {"additionalProperties": schema_of(args[1], definitions) or True, "type": "object"}
    return {}


def _of_tuple(args: tuple[Any, ...], definitions: Definitions) -> dict[str, Any]:
    if len(args) == 2 and args[1] is Ellipsis:
        return {"items": schema_of(args[0], definitions), "type": "array"}
    items = [schema_of(argument, definitions) for argument in args]
    return {"maxItems": len(items), "minItems": len(items), "prefixItems": items, "type": "array"}


def _of_values(values: list[Any]) -> dict[str, Any]:
    kinds = {type(value) for value in values}
    kind = _SIMPLE.get(kinds.pop(), {}) if len(kinds) == 1 else {}
    one = {"const": values[0]} if len(values) == 1 else {"enum": values}
    return one | kind


def _of_class(cls: type, definitions: Definitions) -> dict[str, Any]:
    if issubclass(cls, enum.Enum):
        return _define(cls, _of_values([member.value for member in cls]), definitions)
    if dataclasses.is_dataclass(cls):
        needed = {
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
        return _of_fields(cls, needed, definitions)
    if hasattr(cls, "__required_keys__"):  # a TypedDict, of typing or of typing_extensions
        return _of_fields(cls, set(cls.__required_keys__), definitions)
    if issubclass(cls, msgspec.Struct):
        needed = {field.name for field in msgspec.structs.fields(cls) if field.required}
        return _of_fields(cls, needed, definitions)
    return {}


def _of_fields(cls: type, needed: set[str], definitions: Definitions) -> dict[str, Any]:
    definitions.setdefault(cls.__name__, {})  # a type may hold itself
    hints = typing.get_type_hints(cls)
    properties = {
        name: schema_of(hint, definitions) | {"title": name.replace("_", " ").title()} | _default_of(cls, name)
        for name, hint in hints.items()
    }
    body: dict[str, Any] = {"properties": properties, "type": "object"}
    if required := [name for name in hints if name in needed]:
        body["required"] = required
    return _define(cls, body, definitions)


def _default_of(cls: type, name: str) -> dict[str, Any]:
    """A dataclass's default of a field, where JSON can hold it."""
    default = getattr(cls, "__dataclass_fields__", {}).get(name)
    value = getattr(default, "default", dataclasses.MISSING)
    return {"default": value} if isinstance(value, str | int | float | bool | None) else {}


def _define(cls: type, body: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    definitions[cls.__name__] = body | {"title": cls.__name__}
    return {"$ref": REFERENCE.format(model=cls.__name__)}


def _from_pydantic(annotation: Any, definitions: Definitions) -> dict[str, Any]:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        schema = TypeAdapter(annotation).json_schema(ref_template=REFERENCE)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return {}
    definitions.update(schema.pop("$defs", {}))
    if get_origin(annotation) is None and isinstance(annotation, type) and "properties" in schema:
        return _define(annotation, schema, definitions)
    return schema
