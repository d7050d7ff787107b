"""What a `deployment.yaml` says, as the records that a server would have of it, so that one planner plans both.

Where a server is at hand its own blocks, pools and queues are taken; else a file's blocks are what the file says.
Ids that no server gave are made of what they stand for: the same file has the same ids each time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from penstock.client.client import Client
from penstock.core.infrastructure_blocks import InfrastructureBlock, Remark, Severity
from penstock.core.pool_types import AGENT_POOL
from penstock.core.upgrade_plans import Existing, OldDeployment
from penstock.deploy.old_apply import DEFAULT_INFRASTRUCTURE
from penstock.deploy.old_blocks import ANONYMOUS, ID, NAME, fields_of, name_of, read_named, slug_of
from penstock.deploy.old_files import OldFile
from penstock.deploy.old_places import place_of
from penstock.errors import DeployFailed
from penstock.wire.blocks import BlockDocument, BlockType
from penstock.wire.deployments import Deployment


@dataclass(frozen=True, slots=True)
class Filed:
    """A deployment of a file, as a record, with what was seen on the way."""

    file: OldFile
    old: OldDeployment
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The root of the repository, and a server to look blocks up on; without one, files are all there is."""

    root: Path
    client: Client | None = None
    there: Existing = field(default_factory=Existing)


def record_of(file: OldFile, sources: Sources) -> Filed:
    """The deployment of a file, its entrypoint from the root on."""
    values = file.values
    place = place_of(file, sources.root)
    remarks = [*place.remarks]
    written = values.get("infrastructure") or DEFAULT_INFRASTRUCTURE
    infrastructure = _document(written, sources, "infrastructure", remarks)
    storage = _document(values["storage"], sources, "storage", remarks) if values.get("storage") else None
    pool, queue = values.get("work_pool_name") or AGENT_POOL, values.get("work_queue_name") or "default"
    deployment = Deployment(
        id=_made_id("deployment", file.full_name),
        flow_id=_made_id("flow", values["flow_name"]),
        name=values["name"],
        job_variables=file.overrides,
        tags=values.get("tags") or [],
        path=place.path,
        entrypoint=place.entrypoint,
        infrastructure_document_id=infrastructure.id,
        storage_document_id=storage.id if storage else None,
        work_pool_name=pool,
        work_queue_name=queue,
    )
    old = OldDeployment(
        flow_name=values["flow_name"],
        deployment=deployment,
        block=InfrastructureBlock.of(infrastructure),
        storage=storage,
        pool=sources.there.pools.get(pool),
        queue=sources.there.queues.get((pool, queue)),
        place=file.place(),
    )
    return Filed(file, old, tuple(remarks))


def _document(mapping: Mapping[str, Any], sources: Sources, place: str, remarks: list[Remark]) -> BlockDocument:
    """The stored block that a file names, or one made of what the file says."""
    name = name_of(mapping)
    if name and sources.client:
        try:
            return read_named(sources.client, f"{slug_of(mapping)}/{name}")
        except DeployFailed:
            remarks.append(_say_gone(slug_of(mapping), name, place))
    data = {key: _plain(value) for key, value in fields_of(mapping).items()}
    slug = slug_of(mapping)
    id = _known_id(mapping) or _made_id("block", json.dumps([slug, name, data], sort_keys=True, default=str))
    kind = BlockType(id=_made_id("block type", slug), name=slug, slug=slug)
    return BlockDocument(
        id=id,
        name=name or f"anonymous-{id}",
        data=data,
        is_anonymous=not name,
        block_schema_id=_made_id("block schema", slug),
        block_type_id=kind.id,
        block_type=kind,
        block_document_references={key: one for key, value in mapping.items() if (one := _reference(value))},
    )


def _say_gone(slug: str, name: str, place: str) -> Remark:
    return Remark(
        "C21",
        Severity.WARNING,
        place,
        f"The server has no block {slug}/{name}; what the file says of it is taken.",
        "Make the block, or see that the file is right: agents took the block, not the file.",
    )


def _plain(value: Any) -> Any:
    """A block within a block without what is said beside its fields."""
    return fields_of(value) if isinstance(value, Mapping) and NAME in value else value


def _reference(value: Any) -> dict[str, Any] | None:
    """A stored block within a block, as an answer of the API tells of it."""
    if not isinstance(value, Mapping) or not value.get(ID):
        return None
    about = {"id": str(value[ID]), "name": value.get(NAME), "is_anonymous": bool(value.get(ANONYMOUS))}
    return {"block_document": {**about, "block_type": {"slug": slug_of(value)}}}


def _known_id(mapping: Mapping[str, Any]) -> UUID | None:
    try:
        return UUID(str(mapping[ID]))
    except (KeyError, ValueError):
        return None


def _made_id(kind: str, what: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"penstock:{kind}:{what}")
