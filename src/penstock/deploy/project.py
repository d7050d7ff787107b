"""Deploying from a project file: all chosen deployments are checked, then each is built and applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from uuid import UUID

from msgspec import structs

from penstock.client.client import AsyncClient
from penstock.client.deployments import Applied, Deploying, apply, compare, create_many
from penstock.client.surveys import survey
from penstock.core.deployment_plans import DeploymentPlan
from penstock.deploy.compile import OF_SERVER, Draft, Workshop, finish, outline, prepare
from penstock.deploy.manifest import Entry, Manifest
from penstock.deploy.options import Options, laid_over
from penstock.deploy.plan import Action, Item, item_of, unknown_fields
from penstock.deploy.provenance import read_provenance
from penstock.deploy.select import Selection
from penstock.errors import DeployFailed, NotFound
from penstock.wire.deployments import Deployment, delete_deployment, filter_deployments
from penstock.wire.flow_runs import count_flow_runs
from penstock.wire.flows import read_flow
from penstock.wire.model import Criteria, Labels
from penstock.wire.states import StateType

AT_ONCE = 200
DELETE_SECONDS = 900.0
"""A deployment's runs are taken from it a few at a time, and there may be a million."""
SIDE_BY_SIDE = 8


def chosen_entries(selection: Selection, options: Options) -> tuple[list[Entry], list[str]]:
    """The entries as the command means them, and what it should be told: flags change a single one only."""
    if len(selection.entries) == 1:
        entry = selection.entries[0]
        values = laid_over(entry.values, options)
        if selection.new_name:
            values["name"] = selection.new_name
        return [replace(entry, values=values)], []
    ignored = ", ".join(f"--{name.replace('_', '-')}" for name in options.given())
    warning = [f"Several deployments are chosen, so these are ignored: {ignored}."] if ignored else []
    return selection.entries, warning


async def deploy_entries(
    entries: list[Entry], manifest: Manifest, shop: Workshop, *, reset: bool = False
) -> AsyncIterator[Applied]:
    """Applies every entry, and tells of each once it is; with `reset` the file wins over the server's people.

    Raises `DeployFailed` with all faults, and then nothing was changed; a step or a server that fails later
    stops the rest, and what was applied before stays. Deployments without steps of their own go side by side.
    """
    reading = asyncio.create_task(asyncio.to_thread(read_provenance, manifest, shop.folder, shop.environment))
    drafts = await _drafts(entries, manifest, shop)
    known = await reading
    for group in _groups(drafts):
        plans = [await finish(draft, shop) for draft in group]
        seen = await asyncio.to_thread(survey, shop.client.blocking, plans)
        how = Deploying(known.source, known.labels, reset, survey=seen)
        hows = [replace(how, source=structs.replace(known.source, **plan.built)) for plan in plans]
        async for one in _side_by_side(list(zip(plans, hows, strict=True)), shop):
            yield one


def _groups(drafts: list[Draft]) -> list[list[Draft]]:
    """Drafts in their order, those together that need not wait for each other: no steps, and no name twice."""
    groups: list[list[Draft]] = []
    for draft in drafts:
        last = groups[-1] if groups and not draft.has_steps else []
        if last and not any(draft.full_name == one.full_name or one.has_steps for one in last):
            last.append(draft)
        else:
            groups.append([draft])
    return groups


async def _side_by_side(plans: list[tuple[DeploymentPlan, Deploying]], shop: Workshop) -> AsyncIterator[Applied]:
    """Each in the order given, as soon as it is done. A refusal does not keep the others from being made, a server
    that can't be reached does. Raises `DeployFailed` with all that went wrong, at the end."""
    slots, is_lost = asyncio.Semaphore(SIDE_BY_SIDE), asyncio.Event()
    new = await asyncio.to_thread(create_many, shop.client.blocking, plans)

    async def applied(plan: DeploymentPlan, how: Deploying) -> Applied | None:
        made = new.get(plan.full_name)
        if isinstance(made, DeployFailed):
            raise made
        if made:
            return made
        async with slots:
            if is_lost.is_set():
                return None
            try:
                return await asyncio.to_thread(apply, shop.client.blocking, plan, how)
            except DeployFailed as error:
                if isinstance(error.__cause__, OF_SERVER):
                    is_lost.set()
                raise

    faults = []
    for task in [asyncio.create_task(applied(*one)) for one in plans]:
        try:
            done = await task
        except DeployFailed as error:
            faults.append(error.message)
            continue
        if done:
            yield done
    if faults:
        raise DeployFailed("\n".join(faults))


async def preview_entries(
    entries: list[Entry], manifest: Manifest, shop: Workshop, *, reset: bool = False
) -> AsyncIterator[Item]:
    """What applying every entry would do; nothing is done, no step is run. Raises `DeployFailed` with all faults."""
    drafts = await _drafts(entries, manifest, shop)
    plans = [await outline(draft, shop) for draft in drafts]
    seen = await asyncio.to_thread(survey, shop.client.blocking, plans)
    for plan, draft in zip(plans, drafts, strict=True):
        look = partial(compare, shop.client.blocking, plan, reset=reset, unknown=unknown_fields(draft), survey=seen)
        yield item_of(await asyncio.to_thread(look))


async def leavers(entries: list[Entry], manifest: Manifest, shop: Workshop) -> list[Item]:
    """Deployments that this file made earlier and does not have any more; `entries` are all that it has.

    Those made otherwise, by hand or from another file, are none of them.
    """
    known = await asyncio.to_thread(read_provenance, manifest, shop.folder, shop.environment)
    if not known.labels:
        return []
    stay = {(draft.facts.name, draft.values["name"]) for draft in await _drafts(entries, manifest, shop)}
    found = []
    for one in await _made_by(known.labels, shop.client):
        flow = await shop.client.call(read_flow, id=one.flow_id)
        if (flow.name, one.name) not in stay:
            begun = await shop.client.call(count_flow_runs, _begun(one.id))
            found.append(Item(f"{flow.name}/{one.name}", Action.REMOVE, one.id, unfinished=begun))
    return found


def _begun(id: UUID) -> Criteria:
    kinds = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    return Criteria(deployments={"id": {"any_": [str(id)]}}, flow_runs={"state": {"type": {"any_": kinds}}})


async def _made_by(labels: Labels, client: AsyncClient) -> list[Deployment]:
    found: list[Deployment] = []
    for offset in count(0, AT_ONCE):
        page = await client.call(filter_deployments, Criteria(limit=AT_ONCE, offset=offset))
        found += [one for one in page if labels.items() <= one.labels.items()]
        if len(page) < AT_ONCE:
            break
    return found


async def remove(items: list[Item], client: AsyncClient) -> None:
    """Deletes deployments; one that is gone already is no fault."""
    for one in items:
        with suppress(NotFound):
            await client.call(delete_deployment, id=one.id, timeout=DELETE_SECONDS)


async def _drafts(entries: list[Entry], manifest: Manifest, shop: Workshop) -> list[Draft]:
    drafts: list[Draft] = []
    faults: list[str] = []
    for entry in entries:
        try:
            drafts.append(await prepare(entry, manifest, shop))
        except DeployFailed as error:
            faults.append(error.message)
    if faults:
        raise DeployFailed("\n".join(faults))
    return [replace(draft, warnings=[*draft.warnings, *_doubles(draft, drafts)]) for draft in drafts]


def _doubles(draft: Draft, drafts: list[Draft]) -> list[str]:
    """Two of the same flow and name: the later overwrites the earlier."""
    same = [one for one in drafts if one.full_name == draft.full_name]
    if len(same) > 1 and draft is same[-1]:
        return draft.told([f"{draft.full_name} is there twice; this one wins."])
    return []
