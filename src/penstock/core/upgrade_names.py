"""Names of what an upgrade makes: a name that something else has is put aside for a longer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as changed

from penstock.core.upgrade_plans import DeploymentUpgrade, NewBlock, Taken
from penstock.wire.blocks import BlockDocument

Title = tuple[str, str]
"""A block's type and name."""

RESERVED = "prefect"
"""How no new pool may be called."""


def pool_names(wished: str, kind: str) -> Iterator[str]:
    """The name wished for, the same with the type, then with numbers; without end."""
    is_reserved = wished.lower().startswith(RESERVED)
    longer = wished if wished == kind or wished.endswith(f"-{kind}") else f"{wished}-{kind}"
    longer = f"{kind}-{wished}" if is_reserved else longer
    yield from dict.fromkeys([longer] if is_reserved else [wished, longer])
    number = 2
    while True:
        yield f"{longer}-{number}"
        number += 1


def settled(every: Iterable[DeploymentUpgrade], there: Mapping[Title, BlockDocument]) -> Iterator[DeploymentUpgrade]:
    """The upgrades with names for their new blocks that are free, or those of blocks that hold the same."""
    planned: dict[Title, NewBlock] = {}
    for one in every:
        renamed = {block.name: _settle(block, there, planned) for block in one.blocks}
        moved = {f".{old} }}}}": f".{new.name} }}}}" for old, new in renamed.items() if new.name != old}
        moved |= {old: new.name for old, new in renamed.items() if new.name != old}
        after = one.after
        if after and moved:
            after = changed(after, pull_steps=_renamed(after.pull_steps, moved))
        yield replace(one, blocks=tuple(renamed.values()), after=after) if one.blocks else one


def _settle(block: NewBlock, there: Mapping[Title, BlockDocument], planned: dict[Title, NewBlock]) -> NewBlock:
    number, name = 1, block.name
    while True:
        known, before = there.get((block.type_slug, name)), planned.get((block.type_slug, name))
        wished = replace(block, name=name, exists=known is not None)
        if (before is None or before.data == block.data) and (known is None or _holds(known, block)):
            planned[block.type_slug, name] = wished
            return wished
        number += 1
        name = f"{block.name}-{number}"


def _holds(known: BlockDocument, block: NewBlock) -> bool:
    """Whether a block has the plain values; secrets can't be compared, and nobody else names blocks like this."""
    plain = {key: one for key, one in block.data.items() if not isinstance(one, Taken | Mapping)}
    return all(known.data.get(key) == one for key, one in plain.items())


def _renamed(value: Any, moved: Mapping[str, str]) -> Any:
    """Steps with the names put in: whole texts, and the ends of placeholders."""
    if isinstance(value, Mapping):
        return {key: _renamed(one, moved) for key, one in value.items()}
    if isinstance(value, list):
        return [_renamed(one, moved) for one in value]
    if not isinstance(value, str):
        return value
    end = next((old for old in moved if old.startswith(".") and value.endswith(old)), None)
    return moved.get(value) or (value.removesuffix(end) + moved[end] if end else value)
