"""Upgrading deployments and taking that back: asked first, with what will be made, then told as it is done."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Course:
    """A way that deployments go, to workers or back to agents: asked first, then told as it is gone."""

    path: str
    template: str
    """The page that asks."""
    doing: str
    did: Did
    chosen: Callable[[Survey, Wanted], list[Line]]
    """Which of them it moves."""
    pool: Callable[[Line], str]
    """Where its runs are afterwards."""
    told: Callable[[Survey, Wanted, list[Line]], dict[str, Any]]
    """What is said before, beside what is said of both ways."""
    gone: Callable[[Reader, list[Line]], AsyncIterator[Outcome]]
    """Goes it, giving what becomes of each part."""


@page("GET", "/upgrade/apply")
async def ask_to_upgrade(at: Reader) -> Reply:
    """Asks whether deployments shall go to workers, with what is made for that."""
    return await _ask(at, TO_WORKERS)


@page("POST", "/upgrade/apply")
async def upgrade(at: Reader) -> Reply | Stream:
    """Upgrades them, for who has seen what that means; when it means something else by now, that is shown first."""
    return await _go(at, TO_WORKERS)


@page("GET", "/upgrade/rollback")
async def ask_to_roll_back(at: Reader) -> Reply:
    """Asks whether upgrades shall be taken back."""
    return await _ask(at, TO_AGENTS)


@page("POST", "/upgrade/rollback")
async def take_back(at: Reader) -> Reply | Stream:
    """Takes them back, for who has seen which."""
    return await _go(at, TO_AGENTS)


async def _ask(at: Reader, course: Course) -> Reply:
    wanted = wanted_by(at)
    return _asked(at, course, await survey(at.api, wanted), wanted)


async def _go(at: Reader, course: Course) -> Reply | Stream:
    wanted = wanted_by(at)
    found = await survey(at.api, wanted)
    lines = course.chosen(found, wanted)
    if not lines or at.field("seen") != seen(lines):
        return _asked(at, course, found, wanted, 409 if at.field("seen") else 200)

    async def ending(outcomes: Sequence[Outcome]) -> dict[str, Any]:
        moved = {one.name for one in outcomes if one.did is course.did}
        pools = [course.pool(one) for one in lines if one.name in moved]
        return await _ending(at, outcomes, course.did, pools, _again(course.path, at, wanted))

    names = {one.name: one.id for one in lines}
    title = f"{course.doing} {counted(len(lines), 'deployment')}"
    return stream(at, Work(title, names, course.gone(at, lines), ending))


def _asked(at: Reader, course: Course, found: Survey, wanted: Wanted, status: int = 200) -> Reply:
    lines = course.chosen(found, wanted)
    return at.render(
        course.template,
        status,
        lines=lines[:NAMED],
        count=len(lines),
        wanted=wanted,
        seen=seen(lines),
        changed=status == 409,
        waiting=sum(one.plan.old.waiting for one in lines),
        unfinished=sum(one.plan.old.unfinished for one in lines),
        back=_back(at, wanted),
        **course.told(found, wanted, lines),
    )


def _ready(found: Survey, wanted: Wanted) -> list[Line]:
    """What an upgrade moves: one that was taken back only when it is asked for by itself, or by that state."""
    fitting = [one for one in found.lines if wanted.fits(one)]
    if wanted.deployment:
        return [one for one in fitting if one.state in READY]
    return [one for one in fitting if one.state == (wanted.state if wanted.state in READY else "ready")]


def _before_upgrading(found: Survey, wanted: Wanted, lines: list[Line]) -> dict[str, Any]:
    plan = plan_of(lines)
    return {
        "pools": plan.pools,
        "blocks": plan.blocks,
        "warnings": [one for one in all_remarks(lines) if one.severity is Severity.WARNING],
        "severities": SEVERITIES,
        "blocked": sum(one.state == "blocked" and wanted.fits(one) for one in found.lines),
    }


def _upgrading(at: Reader, lines: list[Line]) -> AsyncIterator[Outcome]:
    return apply(at.api, plan_of(lines), Terms(wait_for_worker=WAIT if at.field("wait") == "yes" else None))


def _upgraded(found: Survey, wanted: Wanted) -> list[Line]:
    return [one for one in found.lines if wanted.fits(one) and one.state == "upgraded"]


def _before_rolling_back(found: Survey, _wanted: Wanted, lines: list[Line]) -> dict[str, Any]:
    return {"gone": [(name, _made_again(name)) for name in _gone(found, lines)]}


def _rolling_back(at: Reader, lines: list[Line]) -> AsyncIterator[Outcome]:
    return roll_back(at.api, [Upgraded(one.name, one.id) for one in lines])


TO_WORKERS = Course(
    path="/upgrade/apply",
    template="upgrade_ask.html",
    doing="Upgrading",
    did=Did.UPGRADED,
    chosen=_ready,
    pool=lambda line: line.worker_pool,
    told=_before_upgrading,
    gone=_upgrading,
)
TO_AGENTS = Course(
    path="/upgrade/rollback",
    template="upgrade_ask_back.html",
    doing="Rolling back",
    did=Did.ROLLED_BACK,
    chosen=_upgraded,
    pool=lambda line: line.agent_pool,
    told=_before_rolling_back,
    gone=_rolling_back,
)


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
