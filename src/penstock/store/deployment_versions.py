"""Versions of deployments: written with the change that they are of, read by who runs one, forgotten at last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from penstock.clock import to_micros
from penstock.errors import Conflict
from penstock.store import deployments
from penstock.store.database import Steps, intent
from penstock.store.documents import as_array
from penstock.store.statements import load
from penstock.wire.deployment_versions import VERSION_LABEL, DeploymentVersion, VersionSource
from penstock.wire.deployments import Deployment
from penstock.wire.model import encode
from penstock.wire.schedules import DeploymentSchedule

SQL = load("deployment_versions")

KEPT = (
    "version",
    "description",
    "concurrency_options",
    "job_variables",
    "parameters",
    "tags",
    "parameter_openapi_schema",
    "path",
    "pull_steps",
    "entrypoint",
    "storage_document_id",
    "infrastructure_document_id",
    "enforce_parameter_schema",
)
"""What a version keeps of its deployment."""
RUN_WITH = (
    "version",
    "job_variables",
    "parameter_openapi_schema",
    "path",
    "pull_steps",
    "entrypoint",
    "storage_document_id",
    "infrastructure_document_id",
)
"""What carrying out a run takes from its deployment."""

decode = msgspec.json.Decoder(DeploymentVersion).decode
_sorted = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What is told of a version to be. Without `applied` one is made only where the deployment differs."""

    id: UUID
    source: VersionSource = field(default_factory=VersionSource)
    applied: dict[str, Any] | None = None
    restores: int | None = None
    based_on: int | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A deployment as it is to be written (see `deployments.write`)."""

    deployment: Deployment
    new_limit_id: UUID
    now: datetime
    limit: int | UnsetType | None = UNSET
    limit_id: UUID | None = None
    schedules: Sequence[DeploymentSchedule] | None = None


@intent
def write(wanted: Write, facts: VersionFacts | None) -> Steps[Deployment]:
    """Writes a deployment, and its next version where facts of one are given; gives it as it is now.

    Conflict when that version has been made since.
    Runs that schedules have planned are forgotten with the old version, to be planned anew with the new one.
    """
    deployment = wanted.deployment
    if facts is not None:
        before = yield from deployments.find(deployment.id)
        number = yield from _next(deployment, before, facts, wanted.now)
        deployment = replace(deployment, labels={**deployment.labels, VERSION_LABEL: number})
    yield from deployments.write(
        deployment,
        limit=wanted.limit,
        limit_id=wanted.limit_id,
        schedules=wanted.schedules,
        new_limit_id=wanted.new_limit_id,
        now=wanted.now,
    )
    return deployment


def _next(deployment: Deployment, before: Deployment | None, facts: VersionFacts, now: datetime) -> Steps[int]:
    id = str(deployment.id)
    rows = yield SQL.latest(deployment_id=id)
    latest, digest, doc = rows[0] if rows else (0, None, None)
    if facts.based_on is not None and facts.based_on != latest:
        raise Conflict(f"Version {latest} was deployed meanwhile: look at the plan again.")
    values = values_of(deployment)
    own = hashlib.sha256(_sorted(facts.applied or values)).hexdigest()
    if facts.applied is None and own == digest:
        return int(latest)
    if before is not None and doc is not None:
        ended = values_of(before)
        if ended != decode(doc).deployment:
            yield SQL.end(deployment_id=id, number=latest, ended_as=encode(ended).decode())
        yield deployments.SQL.delete_planned(id=id, after=to_micros(now))
    made = DeploymentVersion(
        id=facts.id,
        deployment_id=deployment.id,
        number=latest + 1,
        created=now,
        digest=own,
        version=deployment.version,
        source=facts.source,
        restores=facts.restores,
        applied=facts.applied,
        deployment=values,
    )
    yield SQL.insert(
        id=str(made.id),
        deployment_id=id,
        number=made.number,
        digest=own,
        created=to_micros(now),
        doc=encode(made).decode(),
    )
    return made.number


def values_of(deployment: Deployment) -> dict[str, Any]:
    """What a version keeps of a deployment, as JSON has it."""
    values: dict[str, Any] = msgspec.to_builtins({name: getattr(deployment, name) for name in KEPT})
    return values


@intent
def latest(deployment_id: UUID) -> Steps[bytes | None]:
    """The JSON of a deployment's newest version."""
    rows = yield SQL.latest(deployment_id=str(deployment_id))
    return rows[0][2].encode() if rows else None


@intent
def list_versions(deployment_id: UUID, limit: int) -> Steps[bytes]:
    """The JSON array of a deployment's versions, the newest first."""
    return as_array((yield SQL.list(deployment_id=str(deployment_id), limit=limit)))


@intent
def read(deployment_id: UUID, number: int) -> Steps[bytes | None]:
    """The JSON of a version, or None."""
    rows = yield SQL.read(deployment_id=str(deployment_id), number=number)
    return rows[0][0].encode() if rows else None


@intent
def at_version(deployment: Deployment, number: int) -> Steps[Deployment]:
    """The deployment as a run of a version is to see it; as it is, where that version has been forgotten."""
    rows = yield SQL.read(deployment_id=str(deployment.id), number=number)
    if not rows:
        return deployment
    doc, ended_as = rows[0]
    values = json.loads(ended_as) if ended_as else decode(doc).deployment
    seen = msgspec.convert(
        {"id": deployment.id, "name": deployment.name, "flow_id": deployment.flow_id, **values},
        Deployment,
        strict=False,
    )
    return replace(deployment, **{name: getattr(seen, name) for name in RUN_WITH})


@intent
def crowded(keep: int, limit: int) -> Steps[list[tuple[UUID, int, list[int]]]]:
    """Deployments with more versions than are kept: each with its newest number, and those that runs are pinned to."""
    found = []
    for id, newest in (yield SQL.crowded(keep=keep, limit=limit)):
        pinned = [int(row[0]) for row in (yield SQL.pinned(deployment_id=id)) if row[0] is not None]
        found.append((UUID(id), int(newest), pinned))
    return found


@intent
def forget(deployment_id: UUID, before: int, pinned: Collection[int], limit: int) -> Steps[int]:
    """Forgets up to `limit` versions up to a number, but for those that are pinned; gives how many."""
    rows = yield SQL.forget(
        deployment_id=str(deployment_id), before=before, pinned=json.dumps(sorted(pinned)), limit=limit
    )
    return len(rows)
