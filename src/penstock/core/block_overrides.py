"""What an agent does with a deployment's overrides: it changes the infrastructure block by them, name by name.

A dotted name leads into mappings; any other replaces the whole value, `env` too. Workers merge instead, so a conversion
has to begin here. Values from a command line are text and are read as what they replace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.json_trees import copied
from penstock.errors import InvalidRequest

OPEN = ("env", "labels")
"""Mappings that every block has, even where its document does not say so."""
_WORDS = {"true": True, "false": False}


def overridden(block: InfrastructureBlock, overrides: Mapping[str, Any]) -> InfrastructureBlock:
    """The block with the overrides laid over it, in their order; `InvalidRequest` names one that leads nowhere."""
    data = {**{name: {} for name in OPEN}, **copied(dict(block.data))}
    changed = set()
    for name, value in overrides.items():
        *parents, last = name.split(".")
        place = _within(data, parents, name, block)
        place[last] = _read(value, place.get(last))
        changed.add(name.partition(".")[0])
    references = {name: id for name, id in block.references.items() if name not in changed}
    return replace(block, data=data, references=references)


def _within(data: dict[str, Any], parents: list[str], name: str, block: InfrastructureBlock) -> dict[str, Any]:
    place: Any = data
    for parent in parents:
        place = place.get(parent) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise InvalidRequest(
            f"The override {name!r} leads nowhere: the block {block.title} has no {'.'.join(parents)!r} to change."
        )
    return place


def _read(value: Any, before: Any) -> Any:
    """Text as the kind of value that it replaces; as it is when it can't be read so."""
    if not isinstance(value, str) or before is None or isinstance(before, str):
        return value
    if isinstance(before, bool):
        return _WORDS.get(value.strip().lower(), value)
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, int | float) == isinstance(before, int | float) else value
