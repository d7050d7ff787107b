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
from penstock.client.deployments import Applied, Deploying, apply, compare
from penstock.deploy.compile import Draft, Workshop, finish, outline, prepare
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
    stops the rest, and what was applied before stays.
    """
    known = await asyncio.to_thread(read_provenance, manifest, shop.folder, shop.environment)
    for draft in await _drafts(entries, manifest, shop):
        plan = await finish(draft, shop)
        source = structs.replace(known.source, **plan.built)
        how = Deploying(source, known.labels, reset)
        yield await asyncio.to_thread(apply, shop.client.blocking, plan, how)


async def preview_entries(
    entries: list[Entry], manifest: Manifest, shop: Workshop, *, reset: bool = False
) -> AsyncIterator[Item]:
    """What applying every entry would do; nothing is done, no step is run. Raises `DeployFailed` with all faults."""
    for draft in await _drafts(entries, manifest, shop):
        plan, unknown = await outline(draft, shop), unknown_fields(draft)
        look = partial(compare, shop.client.blocking, plan, shop.now, reset=reset, unknown=unknown)
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
            await client.call(delete_deployment, id=one.id)


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
    same = [one for one in drafts if (one.facts.name, one.values["name"]) == (draft.facts.name, draft.values["name"])]
    if len(same) > 1 and draft is same[-1]:
        return [f"{draft.label}: {draft.facts.name}/{draft.values['name']} is there twice; this one wins."]
    return []
