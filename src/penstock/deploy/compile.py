"""From what a file and flags say to a plan, in two steps: `prepare` checks and changes nothing, so that all
deployments can be checked before the first one is made; `finish` runs build and push steps and fills in what
they gave."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock.client.client import AsyncClient
from penstock.core import deployment_values, job_templates
from penstock.core.deployment_plans import DeploymentPlan, FlowFacts, built_of
from penstock.core.deployment_values import go_to, job_variables
from penstock.core.images import architecture_doubt
from penstock.core.templates import (
    BlockReference,
    Kind,
    Missing,
    block_reference,
    placeholders,
    references,
    render,
    resolve,
    unfilled,
    unset,
)
from penstock.deploy.flow_facts import find_flows, read_flow
from penstock.deploy.manifest import STEPS, Entry, Manifest
from penstock.deploy.references import Library, written_out
from penstock.errors import (
    DeployFailed,
    FlowNotFound,
    NotFound,
    PenstockError,
    ServerFault,
    ServerUnreachable,
    StepFailed,
    Unauthorized,
)
from penstock.names import nearest
from penstock.sdk.entrypoints import Modules, parse_entrypoint
from penstock.steps.protocol import Place
from penstock.steps.references import Filler
from penstock.steps.run import run_steps
from penstock.wire import blocks, dispatch, work_pools
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool

BUILD_IMAGE = "build_docker_image"
IN_IMAGE = "/opt/prefect"
OF_SERVER = (ServerUnreachable, ServerFault, Unauthorized)
"""What says nothing about the deployment at hand: the next one would meet it too."""
_KEY = re.compile(r"[:.\[]")
_DRIVE = re.compile(r"[A-Za-z]:")
MOST_NAMED = 5
MOST_POOLS = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read for one deployment already, and holds for the next."""

    pools: dict[str, WorkPool] = field(default_factory=dict)
    modules: Modules = field(default_factory=dict)
    library: Library = field(default_factory=Library)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What compiling needs from outside; nothing below looks for these itself."""

    client: AsyncClient
    folder: Path
    environment: Mapping[str, str]
    now: datetime
    default_pool: str | None = None
    seen: Seen = field(default_factory=Seen)
    machine: str = field(default_factory=platform.machine)
    """The kind of processor here, which is what images are built for."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What steps of one deployment keep for those of the next."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked deployment whose steps have not run."""

    values: dict[str, Any]
    steps: dict[str, list[dict[str, Any]]]
    facts: FlowFacts
    pool: WorkPool
    entry: Entry
    root: Path
    warnings: list[str] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.facts.name}/{self.values['name']}"

    @property
    def has_steps(self) -> bool:
        """Whether something is run before the deployment is made."""
        return any(self.steps.get(kind) for kind in ("build", "push"))

    def told(self, doubts: list[str]) -> list[str]:
        """Warnings that say which deployment they are about."""
        return [_labelled(self.entry, one) for one in doubts]


async def prepare(entry: Entry, manifest: Manifest, shop: Workshop) -> Draft:
    """A checked deployment. Raises `DeployFailed` that names it, its line and what is wrong."""
    try:
        return await _prepared(entry, manifest, shop)
    except OF_SERVER:
        raise
    except FlowNotFound as error:
        raise DeployFailed(_labelled(entry, f"{error.message}{_why_not(entry)}", "entrypoint")) from error
    except PenstockError as error:
        raise DeployFailed(_labelled(entry, error.message)) from error


async def _prepared(entry: Entry, manifest: Manifest, shop: Workshop) -> Draft:
    written = {key: value for key, value in entry.values.items() if key not in STEPS}
    steps = {key: entry.values[key] for key in STEPS if key in entry.values}
    rendered = render(written, {}, environment=shop.environment, missing=Missing.KEEP)
    steps = manifest.steps | steps
    values, doubts = await _referred(rendered, steps, shop)
    if not values.get("entrypoint"):
        raise DeployFailed(_no_entrypoint(shop.folder))
    deployment_values.check_name(values)
    root = _root(values["entrypoint"], manifest, shop)
    facts = read_flow(values["entrypoint"], root, shop.seen.modules)
    pool = await _pool(values, shop)
    try:
        _check(values, facts, pool, shop)
    except PenstockError as error:  # what is not there may be why something does not fit
        raise DeployFailed("\n".join([error.message, *doubts])) from error
    doubts += await _undeclared(values, pool, shop)
    draft = Draft(values, steps, facts, pool, entry, root)
    doubts += [*deployment_values.lacking(values, pool), *deployment_values.doubts(values, facts)]
    doubts += [*_misspelt_ids(values, steps), *_misfits(pool, steps, shop)]
    return replace(draft, warnings=draft.told(doubts))


async def _undeclared(values: dict[str, Any], pool: WorkPool, shop: Workshop) -> list[str]:
    """Job variables that the pool does not have: Prefect's server lets them be, a Penstock server refuses them."""
    names = deployment_values.undeclared(values, pool)
    if not names:
        return []
    said = [f"work_pool.job_variables: {name!r} is not a variable of the pool {pool.name!r}" for name in names]
    try:
        await shop.client.call(dispatch.probe)
    except NotFound:
        return [f"{one}, so it changes nothing." for one in said]
    raise DeployFailed("\n".join(f"{one}. See them with: penstock work-pool inspect {pool.name!r}" for one in said))


def _misfits(pool: WorkPool, steps: dict[str, list[dict[str, Any]]], shop: Workshop) -> list[str]:
    """Images that are built here and would not start there."""
    builds = [inputs or {} for step in steps.get("build", []) for name, inputs in step.items() if is_build(name)]
    wanted = [one.get("platform") or one.get("platforms") for one in builds]
    found = (architecture_doubt(pool.type, one, shop.machine) for one in wanted)
    return [doubt for doubt in found if doubt]


def is_build(step: str) -> bool:
    """Whether a step of this name builds an image."""
    return step.endswith(BUILD_IMAGE)


def _misspelt_ids(values: dict[str, Any], steps: dict[str, list[dict[str, Any]]]) -> list[str]:
    """References to steps that no step is called, though one is nearly: `build_image` for `build-image`."""
    every = [inputs for listed in steps.values() for step in listed for inputs in step.values()]
    ids = [str(inputs["id"]) for inputs in every if inputs.get("id")]
    plain = {key: value for key, value in values.items() if key != "triggers"}
    asked = dict.fromkeys(name.partition(".") for name in unfilled([plain, every], {}))
    return [
        f"no step has the id {first!r}; did you mean {{{{ {meant}.{rest} }}}}?"
        for first, dot, rest in asked
        if dot and first not in ids and (meant := nearest(first, ids))
    ]


def _check(values: dict[str, Any], facts: FlowFacts, pool: WorkPool, shop: Workshop) -> None:
    """What a step will still fill something into is checked once it has."""
    deployment_values.check_parameters(values, facts)
    if not unfilled(values.get("schedules"), {}):
        deployment_values.schedules(values, now=shop.now)
    if not unfilled(values.get("concurrency_limit"), {}):
        deployment_values.concurrency(values.get("concurrency_limit"))
    triggers = [{**one, "parameters": None} for one in values.get("triggers") or ()]  # the event fills those
    if not unfilled(triggers, {}):
        deployment_values.check_triggers(values)
    deployment_values.check_pool({} if unfilled(job_variables(values), {}) else values, pool)


async def finish(draft: Draft, shop: Workshop) -> DeploymentPlan:
    """The plan, once build and push steps have run. Raises `StepFailed`, or `DeployFailed` for what they gave."""
    outputs: dict[str, Any] = {}
    place, fill = Place(shop.folder, shop.client, shop.memory), Filler(shop.client)
    try:
        for kind in ("build", "push"):
            outputs = await run_steps(draft.steps.get(kind, []), place, fill, outputs=outputs)
    except StepFailed as error:
        head, *rest = error.message.split("\n")
        raise StepFailed("\n".join([_labelled(draft.entry, head, kind), *rest])) from error
    return replace(await _labelled_plan(draft, outputs, shop), built=built_of(outputs))


async def _labelled_plan(draft: Draft, outputs: dict[str, Any], shop: Workshop) -> DeploymentPlan:
    try:
        return await _finished(draft, outputs, shop)
    except (StepFailed, *OF_SERVER):
        raise
    except PenstockError as error:
        raise DeployFailed(_labelled(draft.entry, error.message)) from error


async def outline(draft: Draft, shop: Workshop) -> DeploymentPlan:
    """The plan as far as it is known without running a step; what steps would give is left out."""
    plan = await _labelled_plan(draft, {}, shop)
    if not draft.has_steps:
        return plan
    doubts = draft.told(["build and push steps are not run, so what they give is not shown."])
    return replace(plan, warnings=[*draft.warnings, *doubts])


async def _finished(draft: Draft, outputs: dict[str, Any], shop: Workshop) -> DeploymentPlan:
    triggers = draft.values.get("triggers") or []
    rest = {key: value for key, value in draft.values.items() if key != "triggers"}
    lost = [f"nothing gives {{{{ {name} }}}}, so it is left out." for name in unfilled(rest, outputs)]
    lost += [f"${name} is not set, so nothing stands in its place." for name in unset(rest, shop.environment)]
    values = render(rest, outputs, environment=shop.environment)
    values["triggers"] = _filled_triggers(triggers, outputs)
    values["work_pool"] = {**(values.get("work_pool") or {}), "name": draft.pool.name}
    pull, hints = _pull_steps(draft, values, outputs, shop)
    await _name_blocks(draft.pool, job_variables(values), shop)
    deployment_values.check_parameters(values, draft.facts)
    deployment_values.check_pool(values, draft.pool)
    warnings = [*draft.warnings, *draft.told([*lost, *hints])]
    return deployment_values.plan(values, draft.facts, pull, now=shop.now, warnings=warnings)


def _labelled(entry: Entry, message: str, key: str = "") -> str:
    """Each line of a message with the deployment it is about, and the line of the key it begins with."""
    name = f"deployment {entry.name!r}" if entry.name else ""
    lines = [
        ": ".join(filter(None, (entry.place(key or _KEY.split(line)[0]), name, line))) for line in message.split("\n")
    ]
    whole = "\n".join(lines)
    return whole[:1].upper() + whole[1:] if not entry.where and not name else whole


def _why_not(entry: Entry) -> str:
    """What most often is the matter with a path that is right on its author's machine."""
    path = str(entry.values.get("entrypoint") or "")
    if "\\" in path or _DRIVE.match(path):
        return " This is a path of Windows; write it from the project's root, with /."
    if path.startswith("/"):
        return " This path begins at the root of one machine; write it from the project's root."
    return ""


def _no_entrypoint(folder: Path) -> str:
    """Names the flows that could be meant."""
    found = [f"{one.file.as_posix()}:{one.function}" for one in find_flows(folder)]
    here = f"; the flows here are {', '.join(found[:MOST_NAMED])}" if found else ""
    return f"an entrypoint is needed, such as {found[0] if found else 'flows/etl.py:main'}{here}."


async def _referred(
    values: dict[str, Any], steps: dict[str, list[dict[str, Any]]], shop: Workshop
) -> tuple[dict[str, Any], list[str]]:
    """Variables and blocks put in, but for blocks in job variables: the worker reads those, and no secret is
    written down with the deployment. Triggers keep their parameters for the event. Also what is not there."""
    triggers = values.pop("triggers", None)
    pool = dict(values.get("work_pool") or {})
    variables = pool.pop("job_variables", None)
    rest = {**values, "work_pool": pool}
    needed = references([rest, variables, steps])
    doubts: list[str] = []
    if needed:
        library = shop.seen.library
        await library.look_up(shop.client, needed)
        pull = steps.get("pull", [])
        now = [rest, variables, [listed for kind, listed in steps.items() if kind != "pull"]]
        gone = library.absent_variables(now)
        later = [*library.absent_blocks([variables, steps]), *library.absent_variables(pull)]
        doubts = [f"there is no {name}, so nothing stands in its place." for name in gone]
        doubts += [f"there is no {name} on the server yet." for name in later if name not in gone]
        rest = written_out(rest, library.found())
        variables = resolve(variables, library.found(), keep_blocks=True)
    if variables is not None:
        rest["work_pool"]["job_variables"] = variables
    return (rest if triggers is None else {**rest, "triggers": triggers}), doubts


def _root(text: str, manifest: Manifest, shop: Workshop) -> Path:
    """The folder an entrypoint starts from: the current one, else where the project file stands."""
    file = parse_entrypoint(text).file
    if file is None or (shop.folder / file).exists() or not (manifest.folder / file).exists():
        return shop.folder
    return manifest.folder


async def _pool(values: dict[str, Any], shop: Workshop) -> WorkPool:
    name = (values.get("work_pool") or {}).get("name") or shop.default_pool
    if not name:
        raise DeployFailed("no work pool is named. Write work_pool.name, or give --pool.")
    try:
        if name not in shop.seen.pools:
            shop.seen.pools[name] = await shop.client.call(work_pools.read_work_pool, name=name)
        return shop.seen.pools[name]
    except NotFound:
        raise DeployFailed(await _no_pool(name, shop)) from None


async def _no_pool(name: str, shop: Workshop) -> str:
    pools = await shop.client.call(work_pools.filter_work_pools, Criteria(limit=MOST_POOLS))
    meant = nearest(name, [pool.name for pool in pools])
    how = f"Did you mean {meant!r}?" if meant else f"Make it with: penstock work-pool create {name!r} --type process"
    return f"work_pool: there is no work pool {name!r}. {how}"


def _pull_steps(
    draft: Draft, values: dict[str, Any], outputs: dict[str, Any], shop: Workshop
) -> tuple[list[dict[str, Any]], list[str]]:
    """As written (what nothing fills yet stays for the run), else a step into the folder where the code will be."""
    if "pull" in draft.steps:
        filled = render(draft.steps["pull"], outputs, environment=shop.environment, missing=Missing.KEEP)
        absent = unset(filled, shop.environment)
        return filled, [f"pull: ${name} is not set here, so the worker's environment must have it." for name in absent]
    image = job_variables(values).get("image")
    built = [name for step in draft.steps.get("build", []) for name in step if is_build(name)]
    if built:
        return [go_to(f"{IN_IMAGE}/{draft.root.name}")], []
    if image:
        hint = f"the code is taken to be at {IN_IMAGE} in the image {image}; write a pull step if not."
        return [go_to(IN_IMAGE)], [hint]
    return [go_to(str(draft.root))], deployment_values.place_doubts(values, draft.pool, str(draft.root))


async def _name_blocks(pool: WorkPool, variables: dict[str, Any], shop: Workshop) -> None:
    """A block for a variable that takes no text is named by its id: the server can check that, and still no
    secret is written down."""
    for fault in job_templates.unfit(pool.base_job_template, variables):
        name = str(fault.path[0]) if len(fault.path) == 1 else ""
        found = [one for one in placeholders(variables.get(name)) if one.kind is Kind.BLOCK]
        if len(found) != 1 or found[0].text != str(variables[name]).strip():
            continue
        wanted = block_reference(found[0].name)
        if not wanted.path:
            variables[name] = {"$ref": {"block_document_id": await _document_id(wanted, shop)}}


async def _document_id(wanted: BlockReference, shop: Workshop) -> str:
    try:
        found = await shop.client.call(
            blocks.read_block_document_by_name, slug=wanted.type_slug, block_document_name=wanted.name
        )
    except NotFound:
        raise DeployFailed(f"there is no block {wanted.type_slug}/{wanted.name}.") from None
    return str(found.id)


def _filled_triggers(triggers: list[dict[str, Any]], outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Filled but for what the event will fill: its parameters."""
    return [
        {
            key: value if key == "parameters" else render(value, outputs, missing=Missing.KEEP)
            for key, value in one.items()
        }
        for one in triggers
    ]
