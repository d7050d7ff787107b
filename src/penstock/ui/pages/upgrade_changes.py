"""Upgrading deployments and taking that back: asked first, with what will be made, then told as it is done."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any

from penstock.core.infrastructure_blocks import Severity
from penstock.core.pool_types import AGENT_TYPE
from penstock.names import counted
from penstock.server.bind import Reply
from penstock.server.site import Stream
from penstock.ui.pool_facts import PoolGlance, glance
from penstock.ui.reader import Reader
from penstock.ui.routes import page
from penstock.ui.upgrade_details import SEVERITIES, all_remarks
from penstock.ui.upgrade_facts import Line, Survey, Wanted, plan_of, seen, survey, wanted_by
from penstock.ui.upgrade_work import Work, stream
from penstock.upgrade.apply import Terms, apply
from penstock.upgrade.outcomes import Did, Outcome, Part
from penstock.upgrade.rollback import Upgraded, roll_back
from penstock.wire import work_pools
from penstock.wire.model import Criteria

WAIT = 300.0
"""Seconds for which a worker is waited for, where that is asked for."""
NAMED = 100
"""Deployments that are named before they are changed; of more it is said how many."""
READY = ("ready", "rolled-back")
"""What can be upgraded."""


@page("GET", "/upgrade/apply")
async def ask_to_upgrade(at: Reader) -> Reply:
    """Asks whether deployments shall go to workers, with what is made for that."""
    wanted = wanted_by(at)
    found = await survey(at.api, wanted)
    return _ask_to_upgrade(at, found, wanted)


@page("POST", "/upgrade/apply")
async def upgrade(at: Reader) -> Reply | Stream:
    """Upgrades them, for who has seen what that means; when it means something else by now, that is shown first."""
    wanted = wanted_by(at)
    found = await survey(at.api, wanted)
    lines = _ready(found, wanted)
    if not lines or at.field("seen") != seen(lines):
        return _ask_to_upgrade(at, found, wanted, 409 if at.field("seen") else 200)
    terms = Terms(wait_for_worker=WAIT if at.field("wait") == "yes" else None)

    async def ending(outcomes: Sequence[Outcome]) -> dict[str, Any]:
        moved = {one.name for one in outcomes if one.did is Did.UPGRADED}
        pools = [one.worker_pool for one in lines if one.name in moved]
        return await _ending(at, outcomes, Did.UPGRADED, pools, _again("/upgrade/apply", at, wanted))

    names = {one.name: one.id for one in lines}
    title = f"Upgrading {counted(len(lines), 'deployment')}"
    return stream(at, Work(title, names, apply(at.api, plan_of(lines), terms), ending))


@page("GET", "/upgrade/rollback")
async def ask_to_roll_back(at: Reader) -> Reply:
    """Asks whether upgrades shall be taken back."""
    wanted = wanted_by(at)
    found = await survey(at.api, wanted)
    return _ask_to_roll_back(at, found, wanted)


@page("POST", "/upgrade/rollback")
async def take_back(at: Reader) -> Reply | Stream:
    """Takes them back, for who has seen which."""
    wanted = wanted_by(at)
    found = await survey(at.api, wanted)
    lines = _upgraded(found, wanted)
    if not lines or at.field("seen") != seen(lines):
        return _ask_to_roll_back(at, found, wanted, 409 if at.field("seen") else 200)

    async def ending(outcomes: Sequence[Outcome]) -> dict[str, Any]:
        moved = {one.name for one in outcomes if one.did is Did.ROLLED_BACK}
        pools = [one.agent_pool for one in lines if one.name in moved]
        return await _ending(at, outcomes, Did.ROLLED_BACK, pools, _again("/upgrade/rollback", at, wanted))

    back = [Upgraded(one.name, one.id) for one in lines]
    names = {one.name: one.id for one in lines}
    return stream(at, Work(f"Rolling back {counted(len(lines), 'deployment')}", names, roll_back(at.api, back), ending))


def _ask_to_upgrade(at: Reader, found: Survey, wanted: Wanted, status: int = 200) -> Reply:
    lines = _ready(found, wanted)
    plan = plan_of(lines)
    return at.render(
        "upgrade_ask.html",
        status,
        lines=lines[:NAMED],
        count=len(lines),
        wanted=wanted,
        seen=seen(lines),
        changed=status == 409,
        pools=plan.pools,
        blocks=plan.blocks,
        warnings=[one for one in all_remarks(lines) if one.severity is Severity.WARNING],
        severities=SEVERITIES,
        waiting=sum(one.plan.old.waiting for one in lines),
        unfinished=sum(one.plan.old.unfinished for one in lines),
        blocked=sum(one.state == "blocked" and wanted.fits(one) for one in found.lines),
        back=_back(at, wanted),
    )


def _ask_to_roll_back(at: Reader, found: Survey, wanted: Wanted, status: int = 200) -> Reply:
    lines = _upgraded(found, wanted)
    return at.render(
        "upgrade_ask_back.html",
        status,
        lines=lines[:NAMED],
        count=len(lines),
        wanted=wanted,
        seen=seen(lines),
        changed=status == 409,
        gone=[(name, _made_again(name)) for name in _gone(found, lines)],
        waiting=sum(one.plan.old.waiting for one in lines),
        unfinished=sum(one.plan.old.unfinished for one in lines),
        back=_back(at, wanted),
    )


def _ready(found: Survey, wanted: Wanted) -> list[Line]:
    """What an upgrade moves: one that was taken back only when it is asked for by itself, or by that state."""
    fitting = [one for one in found.lines if wanted.fits(one)]
    if wanted.deployment:
        return [one for one in fitting if one.state in READY]
    return [one for one in fitting if one.state == (wanted.state if wanted.state in READY else "ready")]


def _upgraded(found: Survey, wanted: Wanted) -> list[Line]:
    return [one for one in found.lines if wanted.fits(one) and one.state == "upgraded"]


async def _ending(
    at: Reader, outcomes: Sequence[Outcome], wanted: Did, pools: Sequence[str], again: str
) -> dict[str, Any]:
    """How many deployments came to what, who works on their pools, and what is left to do."""
    ours = [one for one in outcomes if one.part is Part.DEPLOYMENT]
    return {
        "outcomes": outcomes,
        "done": sum(one.did is wanted for one in ours),
        "word": wanted.value,
        "failed": [one for one in ours if one.failed],
        "left": [one for one in outcomes if one.did is Did.LEFT],
        "pools": await _glances(at, list(dict.fromkeys(pools))),
        "again": again,
    }


async def _glances(at: Reader, names: Sequence[str]) -> list[PoolGlance]:
    """Who works on pools; those that are gone are left out."""
    if not names:
        return []
    wanted = Criteria(work_pools={"name": {"any_": list(names)}}, limit=NAMED)
    found = await at.api.call(work_pools.filter_work_pools, wanted)
    return list(await asyncio.gather(*(glance(at.api, one) for one in sorted(found, key=lambda one: one.name))))


def _gone(found: Survey, lines: Sequence[Line]) -> list[str]:
    """The pools of agents that are not there any more; a deployment that was in none needs none."""
    names = {one.was.work_pool_name for one in lines if one.was and one.was.work_pool_name}
    return sorted(names - set(found.there.pools))


def _made_again(pool: str) -> str:
    return f"penstock work-pool create {shlex.quote(pool)} --type {AGENT_TYPE}"


def _back(at: Reader, wanted: Wanted) -> str:
    """Where somebody came from."""
    if wanted.deployment:
        return at.link(f"/upgrade/{wanted.deployment}", type=wanted.type)
    return at.link("/upgrade", state=wanted.state, **wanted.words)


def _again(path: str, at: Reader, wanted: Wanted) -> str:
    """Where what failed can be tried again."""
    return at.link(path, state=wanted.state, **wanted.words)
