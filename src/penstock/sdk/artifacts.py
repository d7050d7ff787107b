"""Artifacts: what a run wants to show (text, tables, links, images, progress).

Each function blocks and gives the artifact's id; `name.aio(...)` is the same, awaited.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from penstock.sdk.context import flow_context, task_context
from penstock.sdk.effects import Call, Steps, dual
from penstock.wire.artifacts import ArtifactCreate, ArtifactUpdate, create_artifact, update_artifact


def _create(kind: str, key: str | None, data: Any, description: str | None) -> Steps[UUID]:
    task, flow = task_context.get(), flow_context.get()
    made = yield Call(
        create_artifact,
        ArtifactCreate(
            key=key,
            type=kind,
            description=description,
            data=data,
            flow_run_id=flow.run.id if flow else None,
            task_run_id=task.id if task else None,
        ),
    )
    return made.id  # type: ignore[no-any-return]  # what a Call gives depends on its endpoint


@dual
def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> Steps[UUID]:
    """Shows Markdown."""
    return (yield from _create("markdown", key, markdown, description))


@dual
def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> Steps[UUID]:
    """Shows a link."""
    return (yield from _create("markdown", key, f"[{link_text or link}]({link})", description))


@dual
def create_table_artifact(
    table: list[dict[str, Any]] | list[list[Any]] | dict[str, list[Any]],
    key: str | None = None,
    description: str | None = None,
) -> Steps[UUID]:
    """Shows a table: rows as dicts or lists, or columns by name."""
    data = msgspec.json.encode(table, enc_hook=str).decode()
    return (yield from _create("table", key, data, description))


@dual
def create_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> Steps[UUID]:
    """Shows the image at an address."""
    return (yield from _create("image", key, image_url, description))


@dual
def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> Steps[UUID]:
    """Shows how far a run is, from 0 to 100."""
    return (yield from _create("progress", key, max(0.0, min(100.0, float(progress))), description))


@dual
def update_progress_artifact(artifact_id: UUID, progress: float, description: str | None = None) -> Steps[UUID]:
    """Moves a progress artifact on."""
    shown = max(0.0, min(100.0, float(progress)))
    body = ArtifactUpdate(data=shown, description=description) if description else ArtifactUpdate(data=shown)
    yield Call(update_artifact, body, path={"id": artifact_id})
    return artifact_id


acreate_markdown_artifact = create_markdown_artifact.aio
acreate_link_artifact = create_link_artifact.aio
acreate_table_artifact = create_table_artifact.aio
acreate_image_artifact = create_image_artifact.aio
acreate_progress_artifact = create_progress_artifact.aio
aupdate_progress_artifact = update_progress_artifact.aio
