"""Deploying from a project file: all chosen deployments are checked, then each is built and applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from penstock.client.deployments import Applied, apply
from penstock.core.deployment_changes import Change, changes
from penstock.core.deployment_plans import DeploymentPlan
from penstock.deploy.compile import Draft, Workshop, finish, outline, prepare
from penstock.deploy.manifest import Entry, Manifest
from penstock.deploy.options import Options, laid_over
from penstock.deploy.select import Selection
from penstock.errors import DeployFailed, NotFound
from penstock.wire.deployments import read_deployment_by_name


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


async def deploy_entries(entries: list[Entry], manifest: Manifest, shop: Workshop) -> AsyncIterator[Applied]:
    """Applies every entry, and tells of each once it is.

    Raises `DeployFailed` with all faults, and then nothing was changed; a step or a server that fails later
    stops the rest, and what was applied before stays.
    """
    for draft in await _drafts(entries, manifest, shop):
        plan = await finish(draft, shop)
        yield await asyncio.to_thread(apply, shop.client.blocking, plan)


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying a plan would do: make a deployment, or change one (perhaps in nothing)."""

    plan: DeploymentPlan
    is_new: bool
    changes: list[Change]


async def preview_entries(entries: list[Entry], manifest: Manifest, shop: Workshop) -> AsyncIterator[Preview]:
    """What applying every entry would do; nothing is done, no step is run. Raises `DeployFailed` with all faults."""
    for draft in await _drafts(entries, manifest, shop):
        plan = await outline(draft, shop)
        try:
            found = await shop.client.call(read_deployment_by_name, flow_name=plan.flow_name, deployment_name=plan.name)
        except NotFound:
            yield Preview(plan, True, [])
        else:
            yield Preview(plan, False, changes(plan, found, shop.now))


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
