"""What the pages read of blocks: types with what they can do, and the stored blocks of some types."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock.client.client import AsyncClient
from penstock.errors import NotFound
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocument, BlockSchema, BlockType
from penstock.wire.model import Criteria

RUNS_JOBS = "run-infrastructure"
"""What the infrastructure blocks of the agent generation can do."""
MOST_TYPES = 200
MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of block with what blocks of it can do."""

    type: BlockType
    capabilities: list[str] = field(default_factory=list)

    @property
    def is_of_agents(self) -> bool:
        """Whether it starts jobs for agents, which workers and their pools have replaced."""
        return RUNS_JOBS in self.capabilities


async def kinds(api: AsyncClient, name: str, capability: str) -> list[Kind]:
    """The types by name, of those that have these words in their name and can do something."""
    wanted = {"name": {"like_": name}} if name else {}
    types, schemas = await asyncio.gather(
        api.call(wire.filter_block_types, Criteria(block_types=wanted, limit=MOST_TYPES)),
        api.call(wire.filter_block_schemas, Criteria(limit=MOST_TYPES)),
    )
    newest: dict[object, list[str]] = {}
    for one in schemas:
        newest.setdefault(one.block_type_id, one.capabilities)
    every = [Kind(one, newest.get(one.id, [])) for one in types]
    return [one for one in every if not capability or capability in one.capabilities]


async def newest_schema(api: AsyncClient, type: BlockType) -> BlockSchema:
    """The fields of new blocks of a type. Raises `NotFound` for a type that was never given any."""
    wanted = Criteria(block_schemas={"block_type_id": {"any_": [str(type.id)]}}, limit=1)
    found = await api.call(wire.filter_block_schemas, wanted)
    if not found:
        raise NotFound(f"The block type '{type.slug}' has no schema. Register it with `penstock block register`.")
    return found[0]


async def stored_by_type(api: AsyncClient, slugs: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The stored blocks of some types, by slug: id and name."""
    wanted = sorted(set(slugs))
    if not wanted:
        return {}
    asked = Criteria(block_types={"slug": {"any_": wanted}}, sort="NAME_ASC", limit=MOST_OFFERED)
    found: dict[str, list[tuple[str, str]]] = {slug: [] for slug in wanted}
    for one in await api.call(wire.filter_block_documents, asked):
        if one.block_type is not None and one.name:
            found[one.block_type.slug].append((str(one.id), one.name))
    return found


def references_of(document: BlockDocument) -> dict[str, str]:
    """The ids of the blocks in a block, by field."""
    return {name: str(one["block_document"]["id"]) for name, one in document.block_document_references.items()}
