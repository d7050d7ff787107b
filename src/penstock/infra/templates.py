"""A driver's `Variables`: as the base job template that a pool of its kind starts with, and filled in for a job."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from penstock.errors import InfrastructureFailed

Filled = TypeVar("Filled", bound=msgspec.Struct)
POOL_TYPES = Path(__file__).parent / "data" / "worker_types.json"


def fill(variables: type[Filled], configuration: Mapping[str, Any]) -> Filled:
    """The variables of one job; `InfrastructureFailed` names the one that does not fit."""
    try:
        return msgspec.convert(configuration, variables)
    except msgspec.ValidationError as error:
        raise InfrastructureFailed(f"The job configuration does not fit: {error}") from error


def base_job_template(variables: type[msgspec.Struct]) -> dict[str, Any]:
    """Each variable becomes a property of the form and a placeholder of the same name in the job."""
    schema = msgspec.json.schema(variables, ref_template="#/definitions/{name}")
    definition = schema.get("$defs", {}).get(variables.__name__, schema)
    properties = {name: _property(value) for name, value in definition["properties"].items()}
    return {
        "job_configuration": {name: f"{{{{ {name} }}}}" for name in properties},
        "variables": {"type": "object", "properties": properties},
    }


@cache
def pool_types() -> bytes:
    """The types of pools as JSON: by package and type what it is called, and the template it starts with."""
    return POOL_TYPES.read_bytes()


@cache
def shipped_templates() -> Mapping[str, Mapping[str, Any]]:
    """The base job template that each type of pool starts with, by type; nobody may change them."""
    groups = msgspec.json.decode(pool_types())
    every = [(kind, about) for types in groups.values() for kind, about in types.items()]
    return {kind: about["default_base_job_configuration"] for kind, about in every}


def _property(schema: dict[str, Any]) -> dict[str, Any]:
    """Null is how a variable that is not set is told, so the form neither offers nor defaults to it."""
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds
    if schema.get("default", ...) is None:
        del schema["default"]
    return schema
