"""Artifacts: what runs leave for people to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Criteria, Model, Write


class Artifact(Model):
    """An artifact; `data` of a table is JSON text."""

    id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactCollection(Model):
    """The newest artifact of a key."""

    id: UUID
    key: str
    latest_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactCreate(Write):
    """A new artifact."""

    key: str | None = None
    type: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: dict[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class ArtifactUpdate(Write):
    """Changes an artifact in place."""

    data: Any | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    metadata_: dict[str, str] | UnsetType | None = UNSET


create_artifact = post("/artifacts/", body=ArtifactCreate, returns=Artifact, status=201)
filter_artifacts = post("/artifacts/filter", body=Criteria, returns=list[Artifact])
count_artifacts = post("/artifacts/count", body=Criteria, returns=int)
filter_latest_artifacts = post("/artifacts/latest/filter", body=Criteria, returns=list[ArtifactCollection])
count_latest_artifacts = post("/artifacts/latest/count", body=Criteria, returns=int)
read_latest_artifact = get("/artifacts/{key}/latest", returns=Artifact)
read_artifact = get("/artifacts/{id}", returns=Artifact)
update_artifact = patch("/artifacts/{id}", body=ArtifactUpdate)
delete_artifact = delete("/artifacts/{id}")
