"""Artifacts, and the latest of each key."""

from __future__ import annotations

import re
from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Encoded, Request, handles
from penstock.server.bodies import BodyInvalid
from penstock.store.artifacts import (
    ARTIFACTS,
    COLLECTIONS,
    create_artifact,
    delete_artifact,
    read_latest,
    update_artifact,
)
from penstock.wire import artifacts as wire
from penstock.wire.artifacts import Artifact, ArtifactCreate, ArtifactUpdate
from penstock.wire.model import Criteria

KEY = re.compile(r"[a-z0-9-]+")


@handles(wire.create_artifact)
async def create(at: Request, body: ArtifactCreate) -> Artifact:
    """Makes an artifact."""
    if body.key is not None and not KEY.fullmatch(body.key):
        message = "Value error, a key has only small letters, digits and dashes."
        raise BodyInvalid("value_error", ("key",), message, body.key)
    artifact, events = await at.store.write(create_artifact(body, at.now))
    at.hub.publish_events(events)
    return artifact


@handles(wire.filter_artifacts)
async def list_artifacts(at: Request, body: Criteria) -> Encoded:
    """Artifacts that a filter finds."""
    return Encoded(await at.store.scan(ARTIFACTS.list(body, at.store.dialect, most=at.most)))


@handles(wire.count_artifacts)
async def count(at: Request, body: Criteria) -> int:
    """How many artifacts a filter finds."""
    return await at.store.scan(ARTIFACTS.count(body, at.store.dialect))


@handles(wire.filter_latest_artifacts)
async def list_latest(at: Request, body: Criteria) -> Encoded:
    """Collections that a filter finds, each with its latest artifact."""
    return Encoded(await at.store.scan(COLLECTIONS.list(body, at.store.dialect, most=at.most)))


@handles(wire.count_latest_artifacts)
async def count_latest(at: Request, body: Criteria) -> int:
    """How many collections a filter finds."""
    return await at.store.scan(COLLECTIONS.count(body, at.store.dialect))


@handles(wire.read_latest_artifact)
async def latest(at: Request, key: str) -> Encoded:
    """The latest artifact with a key."""
    return _found(await at.store.read(read_latest(key)))


@handles(wire.read_artifact)
async def read(at: Request, id: UUID) -> Encoded:
    """An artifact by its id."""
    return _found(await at.store.read(ARTIFACTS.read(id)))


@handles(wire.update_artifact)
async def update(at: Request, body: ArtifactUpdate, id: UUID) -> None:
    """Changes an artifact in place, as a progress bar does."""
    at.hub.publish_events(await at.store.write(update_artifact(id, body, at.now)))


@handles(wire.delete_artifact)
async def delete(at: Request, id: UUID) -> None:
    """Deletes an artifact."""
    at.hub.publish_events(await at.store.write(delete_artifact(id, at.now)))


def _found(artifact: bytes | None) -> Encoded:
    if artifact is None:
        raise NotFound("Artifact not found.")
    return Encoded(artifact)
