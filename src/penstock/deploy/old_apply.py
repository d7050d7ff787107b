"""Brings deployments of `deployment.yaml` files to a server: queue and limit, upload, blocks, then the deployment.

The body has only fields that servers of both generations know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from penstock.client.client import Client
from penstock.core.deployment_plans import OWNER, DeploymentPlan
from penstock.deploy.old_blocks import TAKES_FILES, name_of, read_named, slug_of, stored
from penstock.deploy.old_files import OldFile
from penstock.errors import Conflict, DeployFailed, NotFound, PenstockError
from penstock.storage.blocks import open_block
from penstock.storage.folders import push
from penstock.storage.ignore import IGNORE_FILE, Ignore
from penstock.wire import automations, blocks, deployments, flows, work_pools, work_queues
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment
from penstock.wire.endpoint import Endpoint
from penstock.wire.flows import FlowCreate
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue, WorkQueueCreate, WorkQueueUpdate

DEFAULT_INFRASTRUCTURE: Mapping[str, Any] = {"type": "process", "block_type_slug": "process"}
"""What a file means that names no infrastructure."""
_CREATE: Endpoint[dict[str, Any], Deployment] = Endpoint("POST", "/deployments/", dict, Deployment, 201)


@dataclass(frozen=True, slots=True)
class Upload:
    """What came of an upload: how many files went where; None where the storage takes none."""

    files: int | None
    place: str = ""


def apply_old(client: Client, old: OldFile) -> Deployment:
    """Creates or changes the deployment; a second call changes nothing.

    Raises `DeployFailed` that begins with the file and line.
    """
    values = old.values
    known = _infrastructure_now(client, old)
    written = values.get("infrastructure") or DEFAULT_INFRASTRUCTURE
    infrastructure = stored(client, written, old.place("infrastructure"), known)
    storage = stored(client, values["storage"], old.place("storage")) if values.get("storage") else None
    entrypoint = values.get("entrypoint") or entrypoint_of_manifest(old)
    flow = client.call(flows.create_flow, FlowCreate(name=values["flow_name"], tags=[], labels={}))
    body = {
        "name": values["name"],
        "flow_id": str(flow.id),
        "schedules": old.schedules,
        "parameter_openapi_schema": _schema(values.get("parameter_openapi_schema")),
        "enforce_parameter_schema": bool(values.get("enforce_parameter_schema")),
        "parameters": values.get("parameters") or {},
        "tags": values.get("tags") or [],
        "work_queue_name": values.get("work_queue_name", "default"),
        "storage_document_id": str(storage.id) if storage else None,
        "infrastructure_document_id": str(infrastructure.id),
        "job_variables": old.overrides,
        "paused": values.get("is_schedule_active") is False,
        **{key: values.get(key) for key in ("description", "version", "path")},
        "entrypoint": entrypoint,
    }
    if values.get("work_pool_name"):
        body["work_pool_name"] = values["work_pool_name"]
    if values.get("manifest_path"):
        body["manifest_path"] = values["manifest_path"]
    try:
        made = client.call(_CREATE, body)
        _set_triggers(client, made, values.get("triggers") or [])
    except PenstockError as error:
        raise DeployFailed(f"{old.place()}: {old.full_name} was not made: {error.message}") from error
    return made


def check_pool(client: Client, old: OldFile) -> WorkPool | None:
    """The pool that the file names; None where it names none. Raises `DeployFailed` when there is no such pool."""
    name = old.values.get("work_pool_name")
    if not name:
        return None
    try:
        return client.call(work_pools.read_work_pool, name=name)
    except NotFound:
        raise DeployFailed(
            f"{old.place('work_pool_name')}: Work pool not found! There is no work pool {name!r}. "
            f"Make it with: penstock work-pool create {name!r} --type prefect-agent"
        ) from None


def set_limit(client: Client, queue: str, pool: str | None, limit: int) -> WorkQueue:
    """The queue, made if need be, with a concurrency limit."""
    found = _queue(client, queue, pool)
    client.call(work_queues.update_work_queue, WorkQueueUpdate(concurrency_limit=limit), id=found.id)
    return found


def upload(client: Client, values: Mapping[str, Any], folder: Path) -> Upload:
    """Copies a folder, without what its `.prefectignore` names, to the storage of a deployment.

    Raises `StorageFailed` when storage does not answer, `DeployFailed` when the storage's block is not there.
    """
    written = values.get("storage")
    if not written:
        return Upload(None)
    document = _with_secrets(client, written)
    capabilities = document.block_schema.capabilities if document.block_schema else []
    if TAKES_FILES not in capabilities:
        return Upload(None, f"{slug_of(written)}/{document.name}")
    path = str(values.get("path") or "")
    storage = open_block(slug_of(written), document.data, path)
    sent = push(folder, storage, Ignore(folder / IGNORE_FILE))
    return Upload(sent, "/".join(filter(None, [f"{slug_of(written)}/{document.name}", path])))


def entrypoint_of_manifest(old: OldFile) -> str:
    """The entrypoint that the manifest of a very old deployment names; its path is relative to the file.

    Raises `DeployFailed` (the report's code C08) when the manifest can't be read.
    """
    written = str(old.values["manifest_path"])
    path = old.path.parent / written
    try:
        found = json.loads(path.read_bytes())["import_path"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DeployFailed(
            f"{old.place('manifest_path')}: C08: the manifest {written} can't be read, which names the flow. "
            "Write entrypoint: path/to/file.py:function into the file instead."
        ) from None
    return str(found).removeprefix("./")


def _infrastructure_now(client: Client, old: OldFile) -> UUID | None:
    """The block of the deployment as it is."""
    names = {"flow_name": old.values["flow_name"], "deployment_name": old.values["name"]}
    try:
        return client.call(deployments.read_deployment_by_name, **names).infrastructure_document_id
    except NotFound:
        return None


def _queue(client: Client, queue: str, pool: str | None) -> WorkQueue:
    body = WorkQueueCreate(name=queue)
    try:
        if pool:
            return client.call(work_queues.create_pool_queue, body, work_pool_name=pool)
        return client.call(work_queues.create_work_queue, body)
    except Conflict:
        if pool:
            return client.call(work_queues.read_pool_queue, work_pool_name=pool, name=queue)
        return client.call(work_queues.read_work_queue_by_name, name=queue)


def _with_secrets(client: Client, written: Mapping[str, Any]) -> BlockDocument:
    name = name_of(written) or written.get("_block_document_name")
    if name:
        return read_named(client, f"{slug_of(written)}/{name}", secrets=True)
    made = stored(client, written, "storage")
    return client.call(blocks.read_block_document, id=made.id, query={"include_secrets": True})


def _schema(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without the keys that say nothing, which older writers put into it."""
    return {key: one for key, one in (value or {}).items() if one is not None}


def _set_triggers(client: Client, made: Deployment, triggers: list[dict[str, Any]]) -> None:
    """The deployment's own automations; a server without automations has none."""
    if not triggers:
        return
    plan = DeploymentPlan(flow_name="", name=made.name, entrypoint=None, triggers=triggers)
    try:
        client.call(automations.delete_automations_owned_by, resource_id=f"{OWNER}.{made.id}")
        for one in plan.automations(made.id):
            client.call(automations.create_automation, one)
    except NotFound:
        return
