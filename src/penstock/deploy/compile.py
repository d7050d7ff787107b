"""From what a file and flags say to a plan, in two steps: `prepare` checks and changes nothing, so that all
deployments can be checked before the first one is made; `finish` runs build and push steps and fills in what
they gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock.client.client import AsyncClient
from penstock.core import job_templates
from penstock.core.templates import (
    BlockReference,
    Kind,
    Missing,
    References,
    block_reference,
    placeholders,
    references,
    render,
    resolve,
    unfilled,
)
from penstock.deploy.flow_facts import FlowFacts, read_flow
from penstock.deploy.manifest import STEPS, Entry, Manifest
from penstock.deploy.plan import DeploymentPlan, concurrency, planned_schedules, truth
from penstock.errors import DeployFailed, NotFound, PenstockError
from penstock.names import is_allowed, nearest
from penstock.sdk.entrypoints import parse_entrypoint
from penstock.steps.protocol import Place
from penstock.steps.references import Filler, read_references
from penstock.steps.run import run_steps
from penstock.wire import blocks, work_pools
from penstock.wire.work_pools import WorkPool

SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"
BUILD_IMAGE = "build_docker_image"
IN_IMAGE = "/opt/prefect"
AGENT_POOL = "prefect-agent"


@dataclass(frozen=True, slots=True)
class Workshop:
    """What compiling needs from outside; nothing below looks for these itself."""

    client: AsyncClient
    folder: Path
    environment: Mapping[str, str]
    now: datetime
    default_pool: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked deployment whose steps have not run."""

    values: dict[str, Any]
    steps: dict[str, list[dict[str, Any]]]
    facts: FlowFacts
    pool: WorkPool
    label: str
    root: Path
    warnings: list[str] = field(default_factory=list)


async def prepare(entry: Entry, manifest: Manifest, shop: Workshop) -> Draft:
    """A checked deployment. Raises `DeployFailed` that names it, its line and what is wrong."""
    label = f"{entry.where}: deployment {entry.name!r}" if entry.name else entry.where
    try:
        return await _prepared(entry, manifest, shop, label)
    except DeployFailed:
        raise
    except PenstockError as error:
        raise DeployFailed(f"{label}: {error.message}") from error


async def _prepared(entry: Entry, manifest: Manifest, shop: Workshop, label: str) -> Draft:
    written = {key: value for key, value in entry.values.items() if key not in STEPS}
    steps = {key: entry.values[key] for key in STEPS if key in entry.values}
    values = await _referred(render(written, {}, environment=shop.environment, missing=Missing.KEEP), shop)
    _check_name(values.get("name"), label)
    if not values.get("entrypoint"):
        raise DeployFailed(f"{label}: an entrypoint is needed, such as flows/etl.py:main.")
    root = _root(values["entrypoint"], manifest, shop)
    facts = read_flow(values["entrypoint"], root)
    pool = await _pool(values, shop, label)
    # The schedules and limits are checked as they stand unless a step will still fill something in.
    if not unfilled(values.get("schedules"), {}):
        planned_schedules(values.get("schedules") or [], now=shop.now, label=label)
    return Draft(values, manifest.steps | steps, facts, pool, label, root, _doubts(values, facts, pool, label))


async def finish(draft: Draft, shop: Workshop) -> DeploymentPlan:
    """The plan, once build and push steps have run. Raises `StepFailed`, or `DeployFailed` for what they gave."""
    outputs: dict[str, Any] = {}
    for kind in ("build", "push"):
        outputs = await run_steps(
            draft.steps.get(kind, []), Place(shop.folder, shop.client), Filler(shop.client), outputs=outputs
        )
    triggers = draft.values.get("triggers") or []
    rest = {key: value for key, value in draft.values.items() if key != "triggers"}
    lost = [f"{draft.label}: nothing gives {{{{ {name} }}}}, so it is left out." for name in unfilled(rest, outputs)]
    values = render(rest, outputs, environment=shop.environment)
    pull, hints = _pull_steps(draft, values, outputs, shop)
    await _name_blocks(draft, values, shop)
    _check_job_variables(draft, values)
    return _plan(draft, values, pull, _filled_triggers(triggers, outputs), [*draft.warnings, *lost, *hints], shop)


def _plan(
    draft: Draft,
    values: dict[str, Any],
    pull: list[dict[str, Any]],
    triggers: list[dict[str, Any]],
    warnings: list[str],
    shop: Workshop,
) -> DeploymentPlan:
    facts, label, pool = draft.facts, draft.label, values.get("work_pool") or {}
    limit, options = concurrency(values.get("concurrency_limit"), f"{label}: concurrency_limit")
    enforce = truth(values.get("enforce_parameter_schema"), f"{label}: enforce_parameter_schema")
    return DeploymentPlan(
        flow_name=facts.name,
        name=str(values["name"]),
        entrypoint=values["entrypoint"],
        version=values.get("version") or facts.version,
        version_type=values.get("version_type"),
        description=values.get("description") or facts.description,
        tags=_tags(values.get("tags")),
        parameters=values.get("parameters") or {},
        parameter_schema=facts.parameter_schema,
        enforce_parameter_schema=enforce is not False,
        schedules=planned_schedules(values.get("schedules") or [], now=shop.now, label=label),
        paused=bool(truth(values.get("paused"), f"{label}: paused")),
        concurrency_limit=limit,
        concurrency_options=options,
        work_pool_name=draft.pool.name,
        work_queue_name=pool.get("work_queue_name"),
        job_variables=pool.get("job_variables") or {},
        pull_steps=pull,
        triggers=triggers,
        warnings=warnings,
    )


async def _referred(values: dict[str, Any], shop: Workshop) -> dict[str, Any]:
    """Variables and blocks put in, but for blocks in job variables: the worker reads those, and no secret is
    written down with the deployment. Triggers keep their parameters for the event."""
    triggers = values.pop("triggers", None)
    pool = dict(values.get("work_pool") or {})
    variables = pool.pop("job_variables", None)
    rest = {**values, "work_pool": pool}
    needed = references(rest)
    of_job = references(variables)
    every = References(needed.blocks, needed.documents, needed.variables | of_job.variables)
    if every:
        found = await read_references(shop.client, every)
        rest = resolve(rest, found)
        variables = resolve(variables, found, keep_blocks=True)
    if variables is not None:
        rest["work_pool"]["job_variables"] = variables
    return rest if triggers is None else {**rest, "triggers": triggers}


def _check_name(name: Any, label: str) -> None:
    if not name:
        raise DeployFailed(f"{label}: a deployment needs a name: write one in the file, or give -n.")
    if not is_allowed(str(name)):
        raise DeployFailed(f"{label}: the name {name!r} may not hold any of / % & > <.")


def _root(text: str, manifest: Manifest, shop: Workshop) -> Path:
    """The folder an entrypoint starts from: the current one, else where the project file stands."""
    file = parse_entrypoint(text).file
    if file is None or (shop.folder / file).exists() or not (manifest.folder / file).exists():
        return shop.folder
    return manifest.folder


async def _pool(values: dict[str, Any], shop: Workshop, label: str) -> WorkPool:
    name = (values.get("work_pool") or {}).get("name") or shop.default_pool
    if not name:
        raise DeployFailed(f"{label}: no work pool is named. Write work_pool.name, or give --pool.")
    try:
        pool = await shop.client.call(work_pools.read_work_pool, name=name)
    except NotFound:
        raise DeployFailed(
            f"{label}: there is no work pool {name!r}. Make it with: penstock work-pool create {name!r} --type process"
        ) from None
    if pool.type == AGENT_POOL:
        raise DeployFailed(f"{label}: the pool {name!r} is for agents. Deploy to a pool that workers serve.")
    return pool


def _doubts(values: dict[str, Any], facts: FlowFacts, pool: WorkPool, label: str) -> list[str]:
    """What can be deployed, but most likely is not what was meant."""
    known = facts.parameter_schema.get("properties", {})
    unknown = [name for name in values.get("parameters") or {} if name not in known]
    doubts = [_unknown_parameter(name, list(known), label) for name in unknown]
    variables = (values.get("work_pool") or {}).get("job_variables") or {}
    doubts += [f"{label}: {fault.message}" for fault in job_templates.misspelt(pool.base_job_template, variables)]
    if values.get("sla"):
        doubts.append(f"{label}: sla is for Prefect Cloud and is left out.")
    return doubts + ([f"{label}: {facts.warning}"] if facts.warning else [])


def _unknown_parameter(name: str, known: list[str], label: str) -> str:
    meant = nearest(name, known)
    hint = f" Did you mean {meant!r}?" if meant else ""
    return f"{label}: the flow has no parameter {name!r}.{hint}"


def _pull_steps(
    draft: Draft, values: dict[str, Any], outputs: dict[str, Any], shop: Workshop
) -> tuple[list[dict[str, Any]], list[str]]:
    """As written (what nothing fills yet stays for the run), else a step into the folder where the code will be."""
    if "pull" in draft.steps:
        filled = render(draft.steps["pull"], outputs, environment=shop.environment, missing=Missing.KEEP)
        return filled, []
    image = ((values.get("work_pool") or {}).get("job_variables") or {}).get("image")
    built = [name for step in draft.steps.get("build", []) for name in step if name.endswith(BUILD_IMAGE)]
    if built:
        return [{SET_DIRECTORY: {"directory": f"{IN_IMAGE}/{draft.root.name}"}}], []
    if image:
        hint = f"{draft.label}: the code is taken to be at {IN_IMAGE} in the image {image}; write a pull step if not."
        return [{SET_DIRECTORY: {"directory": IN_IMAGE}}], [hint]
    return [{SET_DIRECTORY: {"directory": str(draft.root)}}], []


async def _name_blocks(draft: Draft, values: dict[str, Any], shop: Workshop) -> None:
    """A block for a variable that takes no text is named by its id: the server can check that, and still no
    secret is written down."""
    variables = (values.get("work_pool") or {}).get("job_variables") or {}
    for fault in job_templates.unfit(draft.pool.base_job_template, variables):
        name = str(fault.path[0]) if len(fault.path) == 1 else ""
        found = [one for one in placeholders(variables.get(name)) if one.kind is Kind.BLOCK]
        if len(found) != 1 or found[0].text != str(variables[name]).strip():
            continue
        wanted = block_reference(found[0].name)
        if not wanted.path:
            variables[name] = {"$ref": {"block_document_id": await _document_id(wanted, draft.label, shop)}}


async def _document_id(wanted: BlockReference, label: str, shop: Workshop) -> str:
    try:
        found = await shop.client.call(
            blocks.read_block_document_by_name, slug=wanted.type_slug, block_document_name=wanted.name
        )
    except NotFound:
        raise DeployFailed(f"{label}: there is no block {wanted.type_slug}/{wanted.name}.") from None
    return str(found.id)


def _check_job_variables(draft: Draft, values: dict[str, Any]) -> None:
    """What is wrong already; what a block will give is known when the job starts."""
    variables = (values.get("work_pool") or {}).get("job_variables") or {}
    faults = [
        fault
        for fault in job_templates.unfit(draft.pool.base_job_template, variables)
        if not references(job_templates.nested(variables).get(str(fault.path[0]) if fault.path else "")).blocks
    ]
    if faults:
        raise DeployFailed("\n".join(f"{draft.label}: work_pool.job_variables: {fault}" for fault in faults))


def _filled_triggers(triggers: list[dict[str, Any]], outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Filled but for what the event will fill: its parameters."""
    return [
        {
            key: value if key == "parameters" else render(value, outputs, missing=Missing.KEEP)
            for key, value in one.items()
        }
        for one in triggers
    ]


def _tags(value: Any) -> list[str]:
    """A template of the whole list may have become a list or a text."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(one) for one in value or []]
