"""Getting a run's code: by the deployment's pull steps, from its storage block, or from a folder here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.client.client import AsyncClient
from penstock.clock import utc_now
from penstock.errors import PenstockError, StepFailed
from penstock.ids import new_id
from penstock.steps.protocol import Place
from penstock.steps.references import Filler
from penstock.steps.run import Told, run_steps
from penstock.steps.storage_blocks import fetch
from penstock.wire import blocks
from penstock.wire.deployments import Deployment
from penstock.worker.facts import RunFacts


async def fetch_code(client: AsyncClient, run: RunFacts, told: Told | None = None) -> Path:
    """Goes to the folder the entrypoint is relative to, once its code is there. Raises `StepFailed`."""
    start = Path.cwd()
    deployment = run.deployment
    if deployment and deployment.pull_steps:
        outputs = await run_steps(deployment.pull_steps, Place(start, client), Filler(client), told=told)
        _enter(outputs.get("directory") or str(Path.cwd()))
    elif deployment and deployment.storage_document_id:
        await _copy_storage(client, deployment, start)
    elif deployment and deployment.path:
        _enter(deployment.path.replace("$STORAGE_BASE_PATH", os.environ.get("PREFECT__STORAGE_BASE_PATH", str(start))))
    return Path.cwd()


async def _copy_storage(client: AsyncClient, deployment: Deployment, target: Path) -> None:
    found = await client.call(
        blocks.read_block_document, id=deployment.storage_document_id, query={"include_secrets": True}
    )
    slug = found.block_type.slug if found.block_type else ""
    await fetch(slug, found.data, target, deployment.path or "")


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise StepFailed(f"The folder of the flow's code, {folder!r}, can't be entered: {error.strerror}.") from error


def pull_event(run: RunFacts, name: str, inputs: Mapping[str, Any], error: PenstockError | None) -> dict[str, Any]:
    """The event that tells of a pull step; inputs are as written, so no secret is in it."""
    payload: dict[str, Any] = {"step": {name: dict(inputs)}}
    if error:
        payload["error"] = error.message
    return {
        "id": str(new_id()),
        "occurred": utc_now(),
        "event": f"prefect.flow-run.pull-step.{'failed' if error else 'executed'}",
        "resource": {
            "prefect.resource.id": f"prefect.flow-run.{run.flow_run.id}",
            "prefect.resource.name": run.flow_run.name,
        },
        "related": [{"prefect.resource.id": f"prefect.flow.{run.flow.id}", "prefect.resource.role": "flow"}],
        "payload": payload,
    }
