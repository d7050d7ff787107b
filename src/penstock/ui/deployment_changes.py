"""What a version of a deployment changed, and what going back to it would do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET
from msgspec.structs import replace

from penstock.client.client import AsyncClient
from penstock.client.deployments import Comparison, Deploying, carry_out, compare_version
from penstock.core.change_words import shown, words
from penstock.core.owners import Change
from penstock.errors import NotFound
from penstock.ui.template_versions import MARKS, ChangedLine, changed_lines
from penstock.wire import deployment_versions
from penstock.wire.deployment_versions import DeploymentVersion
from penstock.wire.deployments import Deployment

HERE = "the dashboard"
OF_THE_VERSION = ("version", "labels", "updated", "created", "id")
"""What differs from version to version anyway."""


@dataclass(frozen=True, slots=True)
class VersionGlance:
    """A version with what it changed; nothing is known of the first that is kept."""

    version: DeploymentVersion
    lines: list[ChangedLine]
    is_first: bool


def with_changes(versions: Sequence[DeploymentVersion], *, more: bool = False) -> list[VersionGlance]:
    """Versions, the newest first, each beside the one before it; with `more` the last is only there to compare."""
    glances = [
        VersionGlance(
            one, _lines(versions[place + 1], one) if place + 1 < len(versions) else [], place + 1 == len(versions)
        )
        for place, one in enumerate(versions)
    ]
    return glances[:-1] if more else glances


async def version_with_changes(api: AsyncClient, deployment: Deployment, number: int) -> VersionGlance:
    """One version beside the one before it. Raises `NotFound` for one that is not kept."""
    one = await api.call(deployment_versions.read_version, id=deployment.id, number=number)
    try:
        before = await api.call(deployment_versions.read_version, id=deployment.id, number=number - 1)
    except NotFound:
        return VersionGlance(one, [], is_first=True)
    return VersionGlance(one, _lines(before, one), is_first=False)


async def return_to(api: AsyncClient, deployment: Deployment, flow: str, wanted: DeploymentVersion) -> Comparison:
    """What going back to a version would do; nothing is done."""
    return await asyncio.to_thread(compare_version, api.blocking, deployment, flow, wanted)


async def go_back(api: AsyncClient, compared: Comparison, wanted: DeploymentVersion) -> None:
    """Makes a version equal to an earlier one, as `penstock deployment rollback` does. 409 when another came since."""
    source = replace(wanted.source, by=HERE)
    how = Deploying(source, restores=wanted.number, as_written=wanted.applied is not None)
    await asyncio.to_thread(carry_out, api.blocking, compared, how)


def change_lines(compared: Comparison) -> tuple[list[ChangedLine], list[str]]:
    """What is changed, and what is kept in words."""
    return [_made(one) for one in compared.changes.made], [words(one)[2:] for one in compared.changes.kept]


def _made(change: Change) -> ChangedLine:
    sign = words(change)[0]
    before, after = ("" if one is UNSET else shown(change.name, one) for one in (change.before, change.after))
    return ChangedLine(sign, MARKS[sign], change.name, before, after)


def _lines(before: DeploymentVersion, after: DeploymentVersion) -> list[ChangedLine]:
    def told(one: DeploymentVersion) -> dict[str, object]:
        return {name: value for name, value in one.deployment.items() if name not in OF_THE_VERSION}

    return changed_lines(told(before), told(after))
