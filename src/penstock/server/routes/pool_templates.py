"""The job that a pool's template makes of a run, and the templates a pool has had."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from penstock.core import job_templates
from penstock.core.job_origins import origins
from penstock.core.templates import Found, References, references, resolve
from penstock.errors import NotFound, TemplateInvalid
from penstock.server.bind import Request, handles
from penstock.server.blocks import seal_for
from penstock.server.routes.deployment_checks import variable_fault
from penstock.server.routes.deployment_versions import as_pinned
from penstock.server.routes.deployments import known, shown
from penstock.server.routes.work_pools import find
from penstock.store.block_documents import read_document, read_document_by_name
from penstock.store.deployments import decode
from penstock.store.flow_runs import read as read_run
from penstock.store.flows import FLOWS
from penstock.store.pool_templates import list_templates
from penstock.store.variables import VARIABLES
from penstock.wire import pool_templates as wire
from penstock.wire.deployments import Deployment
from penstock.wire.flow_runs import FlowRun
from penstock.wire.pool_templates import JobPreview, JobQuery, JobValue, PoolTemplate


@handles(wire.list_pool_templates)
async def templates(at: Request, name: str) -> list[PoolTemplate]:
    """A pool's templates, the one in use first."""
    return await at.store.read(list_templates((await find(at, name)).id))


@handles(wire.preview_job)
async def preview(at: Request, body: JobQuery, name: str) -> JobPreview:
    """The job that would be started; nothing is."""
    pool = await find(at, name)
    run = await _run(at, body)
    deployment = await _deployment(at, body, run)
    of_run = run.job_variables if run else None
    given, own = deployment.job_variables if deployment else {}, job_templates.merged(of_run, body.job_variables)
    fault = variable_fault(pool, given, of_run, body.job_variables, required=True)
    half = job_templates.job_configuration(pool.base_job_template, given, own)
    configuration, missing = await _filled(at, half, await _context(at, run) if run else None)
    found = origins(pool.base_job_template, given, own)
    return JobPreview(
        job_configuration=configuration,
        values=[JobValue(name=one.name, value=one.value, source=one.source) for one in found],
        faults=[*([fault] if fault else []), *missing],
    )


async def _deployment(at: Request, body: JobQuery, run: FlowRun | None) -> Deployment | None:
    """The deployment, for a run with the values of the version that the run is of."""
    id = body.deployment_id or (run.deployment_id if run else None)
    if id is None:
        return None
    if run is None or run.deployment_id != id:
        return await known(at, id)
    return decode(await as_pinned(at, run, (await shown(at, id)).data))


async def _run(at: Request, body: JobQuery) -> FlowRun | None:
    if body.flow_run_id is None:
        return None
    text = await at.store.read(read_run(body.flow_run_id, at.now))
    if text is None:
        raise NotFound("Flow run not found")
    return msgspec.json.decode(text, type=FlowRun)


async def _context(at: Request, run: FlowRun) -> dict[str, Any]:
    """What the job may ask about its flow and run. Before there is a run, `{{ ctx... }}` stays as it is written."""
    flow = await at.store.read(FLOWS.read(run.flow_id))
    return {"flow": msgspec.json.decode(flow) if flow else {}, "flow_run": msgspec.to_builtins(run)}


async def _filled(
    at: Request, half: dict[str, Any], context: dict[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """With blocks, their secrets hidden, and variables put in; or as it was, and what is missing."""
    try:
        return dict(resolve(half, await _found(at, references(half)), context=context) or {}), []
    except TemplateInvalid as error:
        return half, [error.message]


async def _found(at: Request, needed: References) -> Found:
    seal = await seal_for(at.store, at.settings)
    blocks, documents, variables = {}, {}, {}
    for one in needed.blocks:
        by_name = read_document_by_name(one.type_slug, one.name, seal, secrets=False)
        if block := await at.store.read(by_name):
            blocks[one.type_slug, one.name] = block.data
    for id in needed.documents:
        if block := await at.store.read(read_document(UUID(id), seal, secrets=False)):
            documents[id] = block.data
    for name in needed.variables:
        if text := await at.store.read(VARIABLES.read(name, "name")):
            variables[name] = VARIABLES.decode(text).value
    return Found(blocks, documents, variables)
