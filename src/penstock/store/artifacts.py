"""Artifacts: what a run shows. Those with a key form a collection that points to the latest."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict, replace

from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.store.events import emit, event_of, related
from penstock.store.statements import load
from penstock.wire.artifacts import Artifact, ArtifactCollection, ArtifactCreate, ArtifactUpdate
from penstock.wire.events import ReceivedEvent

_ORIGIN = ("key", "type", "flow_run_id", "task_run_id")
ARTIFACTS = Documents("artifacts", Artifact, columns=_ORIGIN)
COLLECTIONS = Documents(
    "artifact_collections", ArtifactCollection, columns=(*_ORIGIN, "latest_id"), unique=("key", "latest_id")
)
SQL = load("artifacts")

_SHOWN = ("key", "type", "data", "description", "metadata_", "flow_run_id", "task_run_id")
Events = list[ReceivedEvent]


@intent
def create_artifact(wanted: ArtifactCreate, now: datetime) -> Steps[tuple[Artifact, Events]]:
    """Makes an artifact, the latest of its collection if it has a key."""
    artifact = Artifact(id=new_id(), created=now, updated=now, **asdict(wanted))
    yield ARTIFACTS.insert(artifact)
    events = yield from _events("created", artifact, now)
    if artifact.key is not None:
        events += yield from _collect(artifact, now)
    for event in events:
        yield emit(event)
    return artifact, events


@intent
def update_artifact(id: UUID, change: ArtifactUpdate, now: datetime) -> Steps[Events]:
    """Changes what is given of an artifact, in place; `NotFound` when there is none."""
    artifact = yield from ARTIFACTS.find(id)
    if artifact is None:
        raise NotFound("Artifact not found.")
    given = {name: value for name, value in asdict(change).items() if value is not UNSET}
    yield ARTIFACTS.replace(replace(artifact, updated=now, **given))
    collection = yield from COLLECTIONS.find(id, "latest_id")
    if collection is not None:
        yield COLLECTIONS.replace(replace(collection, updated=now, **given))
    events = yield from _events("updated", artifact, now, payload=given)
    for event in events:
        yield emit(event)
    return events


@intent
def delete_artifact(id: UUID, now: datetime) -> Steps[Events]:
    """Deletes an artifact; its collection then points to the one before, or ends with the last."""
    artifact = yield from ARTIFACTS.find(id)
    if artifact is None:
        raise NotFound("Artifact not found.")
    yield ARTIFACTS.remove(id)
    collection = yield from COLLECTIONS.find(id, "latest_id")
    if collection is None:
        return []
    before = yield SQL.read_latest(key=artifact.key)
    if before:
        yield COLLECTIONS.replace(_pointing(collection, ARTIFACTS.decode(before[0][0]), now))
        return []
    yield COLLECTIONS.remove(collection.id)
    event = _collection_event("deleted", collection, now)
    yield emit(event)
    return [event]


@intent
def read_latest(key: str) -> Steps[bytes | None]:
    """The JSON of the latest artifact with a key."""
    rows = yield SQL.read_latest(key=key)
    return rows[0][0].encode() if rows else None


def _collect(artifact: Artifact, now: datetime) -> Steps[Events]:
    """Makes the artifact the latest of its collection."""
    new = ArtifactCollection(
        id=new_id(),
        latest_id=artifact.id,
        created=now,
        updated=now,
        **{name: getattr(artifact, name) for name in _SHOWN},
    )
    if (yield COLLECTIONS.insert(new)):
        return [_collection_event("created", new, now)]
    known = yield from COLLECTIONS.find(str(artifact.key), "key")
    if known is None:
        return []
    moved = _pointing(known, artifact, now)
    yield COLLECTIONS.replace(moved)
    return [_collection_event("updated", moved, now)]


def _pointing(collection: ArtifactCollection, to: Artifact, now: datetime) -> ArtifactCollection:
    return replace(collection, latest_id=to.id, updated=now, **{name: getattr(to, name) for name in _SHOWN})


def _events(what: str, artifact: Artifact, now: datetime, payload: dict[str, Any] | None = None) -> Steps[Events]:
    found = yield SQL.read_origin(flow_run_id=_text(artifact.flow_run_id), task_run_id=_text(artifact.task_run_id))
    run_name, task_name, flow_id, flow_name = found[0]
    context = []
    if artifact.flow_run_id:
        context.append(related("flow-run", artifact.flow_run_id, "flow-run", run_name))
    if artifact.task_run_id:
        context.append(related("task-run", artifact.task_run_id, "task-run", task_name))
    if flow_id:
        context.append(related("flow", flow_id, "flow", flow_name))
    if payload is None:
        payload = {"key": artifact.key, "type": artifact.type, "description": artifact.description}
    event = f"prefect.artifact.{what}"
    return [event_of(event, "artifact", artifact.id, now=now, label=artifact.key, payload=payload, related=context)]


def _collection_event(what: str, collection: ArtifactCollection, now: datetime) -> ReceivedEvent:
    context = [related("artifact", collection.latest_id, "latest")]
    if collection.flow_run_id:
        context.append(related("flow-run", collection.flow_run_id, "flow-run"))
    if collection.task_run_id:
        context.append(related("task-run", collection.task_run_id, "task-run"))
    payload = {name: getattr(collection, name) for name in ("key", "type", "data", "description")}
    name = f"prefect.artifact-collection.{what}"
    return event_of(
        name, "artifact-collection", collection.id, now=now, label=collection.key, payload=payload, related=context
    )


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)
