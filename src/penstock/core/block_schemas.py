"""What a block's schema says about its data: its checksum, and which values are secret.

Client and server must reckon the same checksum, or a client registers its schema anew each time
(fact: Prefect API 0.8.4, checked on recorded schemas).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

HIDDEN = "********"
"""What stands for a secret that is not shown."""

_DEFINITION = "#/definitions/"


def checksum(fields: Mapping[str, Any]) -> str:
    """The checksum of a schema's fields: secret markers and nested block types do not count."""
    counted = _without_secrets(fields)
    definitions = counted.get("definitions") or {}
    kept = _referenced(counted, definitions)  # what the definitions themselves refer to counts as well
    counted.pop("definitions", None)
    if kept:
        counted["definitions"] = kept
    return "sha256:" + hashlib.sha256(json.dumps([[counted], {}], sort_keys=True).encode()).hexdigest()


def obfuscated(data: Mapping[str, Any], fields: Mapping[str, Any]) -> Json:
    """The data with `HIDDEN` in the place of each secret."""
    return _changed(data, fields, lambda value: None if value is None else HIDDEN)


def restored(data: Mapping[str, Any], before: Mapping[str, Any], fields: Mapping[str, Any]) -> Json:
    """The data a client sent back, with the secrets that it got hidden as they were."""
    result = dict(data)
    for path in secret_paths(fields):
        result = _restore(result, before, path)
    return result


def shown(data: Mapping[str, Any], fields: Mapping[str, Any]) -> Json:
    """The data without its secrets, for events."""
    result = dict(data)
    for path in secret_paths(fields):
        result = _removed(result, path)
    return result


def secret_paths(fields: Mapping[str, Any]) -> list[list[str]]:
    """Where the secrets are: keys from the outside in, `*` for any."""
    return [str(path).split(".") for path in dict.fromkeys(fields.get("secret_fields") or ())]


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(inner) for key, inner in value.items() if key != "secret_fields"}
    return value


def _referenced(fields: Json, definitions: Mapping[str, Any]) -> Json:
    """The definitions that the fields lead to, but for empty ones and those of block types."""
    kept: Json = {}
    waiting = _references(fields)
    while waiting:
        name = waiting.pop()
        definition = definitions.get(name)
        if name not in kept and definition and "block_type_slug" not in definition:
            kept[name] = definition
            waiting |= _references(definition)
    return kept


def _references(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        found = {name for inner in value.values() for name in _references(inner)}
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_DEFINITION):
            found.add(reference.removeprefix(_DEFINITION))
        return found
    if isinstance(value, list):
        return {name for inner in value for name in _references(inner)}
    return set()


def _changed(data: Mapping[str, Any], fields: Mapping[str, Any], change: Callable[[Any], Any]) -> Json:
    result = dict(data)
    for path in secret_paths(fields):
        result = _at(result, path, change)
    return result


def _at(value: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """The value with what lies at a path changed, wherever the path leads to something."""
    if not path:
        return change(value)
    if not isinstance(value, Mapping):
        return value
    return {key: _at(inner, path[1:], change) if path[0] in (key, "*") else inner for key, inner in value.items()}


def _removed(value: Any, path: list[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if len(path) == 1:
        return {key: inner for key, inner in value.items() if path[0] not in (key, "*")}
    return {key: _removed(inner, path[1:]) if path[0] in (key, "*") else inner for key, inner in value.items()}


def _restore(value: Any, before: Any, path: list[str]) -> Any:
    if not path:
        return before if value == HIDDEN else value
    if not isinstance(value, Mapping) or not isinstance(before, Mapping):
        return value
    return {
        key: _restore(inner, before[key], path[1:]) if path[0] in (key, "*") and key in before else inner
        for key, inner in value.items()
    }
