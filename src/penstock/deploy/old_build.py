"""From a flow and the flags of `deployment build` to the values of a `deployment.yaml`.

What the command line does not say is taken from the deployment of that flow and name on the server, where there is
one: description, tags, parameters, schedules, queue, pool and infrastructure. Overrides, storage, path and version
are only ever what the command line says.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from penstock.client.client import Client
from penstock.core.deployment_plans import FlowFacts
from penstock.core.job_templates import nested
from penstock.core.pool_types import AGENT_TYPE
from penstock.core.schedules import parse, to_wire
from penstock.deploy.old_blocks import GIVES_FILES, RUNS_JOBS, as_written, default_block, read_named, runs_in_image
from penstock.errors import DeployFailed, NotFound
from penstock.sdk.entrypoints import parse_entrypoint
from penstock.wire import blocks, deployments, work_pools
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment

DEFAULT_TYPE = "process"
DEFAULT_QUEUE = "default"
IN_IMAGE = "/opt/prefect/flows"
"""Where the code is in images that nobody said anything else about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What the command line says; None, and nothing in a list, is what it does not say."""

    entrypoint: str
    name: str
    description: str | None = None
    version: str | None = None
    tags: list[str] = field(default_factory=list)
    work_queue: str | None = None
    pool: str | None = None
    infra_type: str | None = None
    infra_block: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    storage_block: str | None = None
    """`type/name`, and a folder of the storage behind that."""
    path: str | None = None
    schedule: Mapping[str, Any] | None = None
    no_schedule: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


def values_of(build: Build, facts: FlowFacts, client: Client, folder: Path, now: datetime) -> dict[str, Any]:
    """The values of the file, all keys of it.

    Raises `DeployFailed` for a block that is not there or can't do what it is for, `ScheduleInvalid`.
    """
    schedules = None if build.schedule is None else [_schedule(build.schedule, now)]
    known = _on_server(client, facts.name, build.name)
    storage, place = _storage(client, build)
    infrastructure = _infrastructure(client, build, known)
    if not storage and not place:
        place = IN_IMAGE if runs_in_image(client, infrastructure) else str(folder)
    return {
        "name": build.name,
        "description": build.description or (known and known.description) or facts.description,
        "version": build.version or facts.version,
        "work_queue_name": build.work_queue or (known and known.work_queue_name) or DEFAULT_QUEUE,
        "work_pool_name": build.pool or (known and known.work_pool_name),
        "tags": build.tags or (known.tags if known else []),
        "parameters": dict(build.parameters) or (known.parameters if known else {}),
        "schedule": None,
        "schedules": [] if build.no_schedule else schedules or _kept_schedules(known),
        "is_schedule_active": None,
        "infra_overrides": dict(build.overrides),
        "flow_name": facts.name,
        "manifest_path": None,
        "infrastructure": infrastructure,
        "storage": storage,
        "path": place,
        "entrypoint": relative_entrypoint(build.entrypoint, folder),
        "parameter_openapi_schema": {"required": None, "definitions": None, **facts.parameter_schema},
        "timestamp": now.isoformat(),
        "triggers": [],
        "enforce_parameter_schema": None,
    }


def relative_entrypoint(text: str, folder: Path) -> str:
    """The entrypoint from the folder on, which is where its path begins for whoever runs it.

    Raises `DeployFailed` for a file that is not below the folder.
    """
    found = parse_entrypoint(text)
    if found.file is None:
        return text
    path = (folder / found.file).resolve()
    try:
        return f"{path.relative_to(folder.resolve()).as_posix()}:{found.name}"
    except ValueError:
        raise DeployFailed(f"{found.file} is not below {folder}. Build where the flow's file is below you.") from None


def worker_command(values: Mapping[str, Any], pool: str = "POOL") -> str:
    """The command that makes the same deployment for workers, on a pool of theirs.

    It does not say where runs fetch the code, which needs a file. Overrides are text that may be read as JSON.
    """
    words = ["penstock", "deploy", values["entrypoint"], "--name", values["name"], "--pool", pool]
    if (queue := values.get("work_queue_name")) not in (None, DEFAULT_QUEUE):
        words += ["--work-queue", queue]
    words += [word for tag in values.get("tags") or () for word in ("--tag", tag)]
    variables = [
        f"{key}={one if isinstance(one, str) else _text(one)}"
        for key, one in nested(values.get("infra_overrides") or {}).items()
    ]
    words += [word for pair in variables for word in ("--job-variable", pair)]
    parameters = [f"{key}={_text(one)}" for key, one in (values.get("parameters") or {}).items()]
    words += [word for pair in parameters for word in ("--param", pair)]
    words += _schedule_words([one["schedule"] for one in values.get("schedules") or ()])
    return shlex.join(words + ["--no-enforce-parameter-schema"] * (not values.get("enforce_parameter_schema")))


def worker_pool(client: Client, name: str | None) -> str | None:
    """The pool, if it is one for workers."""
    if not name:
        return None
    try:
        found = client.call(work_pools.read_work_pool, name=name)
    except NotFound:
        return None
    return None if found.type == AGENT_TYPE else name


def _text(value: Any) -> str:
    """Text as it is, unless it would be read as something else."""
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return msgspec.json.encode(value).decode()


def _schedule_words(found: list[Mapping[str, Any]]) -> list[str]:
    words = [
        word
        for one in found
        for kind in ("cron", "interval", "rrule")
        if one.get(kind) is not None
        for word in (f"--{kind}", f"{one[kind]:g}" if kind == "interval" else str(one[kind]))
    ]
    anchors = [str(one["anchor_date"]) for one in found if one.get("anchor_date")]
    zones = [str(one["timezone"]) for one in found if one.get("timezone")]
    return [*words, *(["--anchor-date", anchors[0]] if anchors else []), *(["--timezone", zones[0]] if zones else [])]


def _schedule(raw: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {"schedule": to_wire(parse(raw, now=now)), "active": True}


def _on_server(client: Client, flow_name: str, name: str) -> Deployment | None:
    try:
        return client.call(deployments.read_deployment_by_name, flow_name=flow_name, deployment_name=name)
    except NotFound:
        return None


def _kept_schedules(known: Deployment | None) -> list[dict[str, Any]]:
    if known is None:
        return []
    return [{"schedule": msgspec.to_builtins(one.schedule), "active": one.active} for one in known.schedules]


def _storage(client: Client, build: Build) -> tuple[dict[str, Any] | None, str | None]:
    """The storage's block, and the folder in it."""
    if not build.storage_block:
        return None, build.path
    slug, _, rest = build.storage_block.partition("/")
    name, _, below = rest.partition("/")
    if below and build.path:
        raise DeployFailed("Say the folder either with --path or behind --storage-block, not both.")
    document = read_named(client, f"{slug}/{name}")
    _must(document, GIVES_FILES, "gives no code to runs")
    return as_written(document), build.path or below


def _infrastructure(client: Client, build: Build, known: Deployment | None) -> dict[str, Any]:
    if build.infra_block:
        document = read_named(client, build.infra_block)
        _must(document, RUNS_JOBS, "starts no jobs")
        return as_written(document)
    if build.infra_type:
        return default_block(client, build.infra_type)
    if known and known.infrastructure_document_id:
        try:
            return as_written(client.call(blocks.read_block_document, id=known.infrastructure_document_id))
        except NotFound:
            pass
    return default_block(client, DEFAULT_TYPE)


def _must(document: BlockDocument, capability: str, lack: str) -> None:
    found = document.block_schema.capabilities if document.block_schema else []
    if capability not in found:
        slug = document.block_type.slug if document.block_type else ""
        raise DeployFailed(f"The block {slug}/{document.name} {lack}: it can't do {capability!r}.")
