"""How far the deployments are on their way from agents to workers, read and planned anew for each page.

The same functions as those of `penstock upgrade` do it, with the client of the pages: nothing is kept between two
visits, so no page can show what is not so any more.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from penstock.client.client import AsyncClient, Client
from penstock.core.infrastructure_blocks import Severity
from penstock.core.infrastructure_kinds import pool_types
from penstock.core.upgrade_circumstances import home_of
from penstock.core.upgrade_planning import PoolTypes
from penstock.core.upgrade_planning import plan as make_plan
from penstock.core.upgrade_plans import DeploymentUpgrade, Existing, UpgradePlan, UpgradeState
from penstock.infra.templates import shipped_templates
from penstock.ui.reader import Reader
from penstock.upgrade.read import read
from penstock.upgrade.runs import waiting_runs
from penstock.upgrade.status import ROLLED_BACK, statuses
from penstock.wire.upgrades import Standing, Upgrade

STATES = {
    "ready": ("Ready", "pending"),
    "blocked": ("Blocked", "failed"),
    "upgraded": ("Upgraded", "completed"),
    "rolled-back": ("Rolled back", "cancelled"),
}
"""What the address may ask for: its word, and the tone of its badge."""


@dataclass(frozen=True, slots=True)
class Line:
    """A deployment that agents have or had to do with."""

    plan: DeploymentUpgrade
    state: str
    """One of `STATES`."""

    @property
    def id(self) -> UUID:
        return self.plan.old.deployment.id

    @property
    def name(self) -> str:
        """As commands name it."""
        return self.plan.old.full_name

    @property
    def recorded(self) -> Upgrade | None:
        """The newest thing that an upgrade did to it, a rollback too."""
        return self.plan.old.recorded

    @property
    def was(self) -> Standing | None:
        """What it was before its upgrade, while it is upgraded."""
        return self.recorded.before if self.recorded and self.plan.state is UpgradeState.UPGRADED else None

    @property
    def agent_pool(self) -> str:
        """The pool that agents take, or took, its runs from; empty for none."""
        if self.was is not None:
            return self.was.work_pool_name or ""
        return home_of(self.plan.old)[0]

    @property
    def agent_queue(self) -> str:
        """The queue in it."""
        if self.was is not None:
            return self.was.work_queue_name or "default"
        return home_of(self.plan.old)[1]

    @property
    def worker_pool(self) -> str:
        """The pool that it goes to, or is in; empty while something blocks it."""
        if self.was is not None:
            return self.plan.old.deployment.work_pool_name or ""
        return self.plan.pool.name if self.plan.pool and self.plan.after else ""

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What is to be looked at: each code once, with its sentences."""
        every = self.recorded.remarks if self.was is not None and self.recorded else self.plan.remarks
        found: dict[str, list[str]] = {}
        for one in every:
            if one.severity == Severity.WARNING:
                found.setdefault(one.code, []).append(one.sentence)
        return [(code, " ".join(sentences)) for code, sentences in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class Survey:
    """Every deployment that agents have or had to do with, by name, and what a plan is made from."""

    lines: tuple[Line, ...]
    plan: UpgradePlan
    there: Existing

    @property
    def others(self) -> int:
        """How many deployments agents never had to do with."""
        return len(self.plan.deployments) - len(self.lines)

    @property
    def pools(self) -> list[str]:
        """The agent pools that there are or were."""
        return sorted({one.agent_pool for one in self.lines if one.agent_pool})

    @property
    def types(self) -> list[str]:
        """What may be asked for where blocks can become pools of several types; nothing means the usual one."""
        slugs = {one.plan.old.block.slug for one in self.lines if one.plan.old.block and one.was is None}
        return [f"{slug}={kind}" for slug in sorted(slugs) for kind in pool_types(slug)[1:]]

    def line(self, id: UUID) -> Line | None:
        """One of them."""
        return next((one for one in self.lines if one.id == id), None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deployments the address asks for."""

    state: str = ""
    name: str = ""
    pool: str = ""
    deployment: str = ""
    type: str = ""
    """Into which type of pool blocks of a type go that can become several: `cloud-run-job=cloud-run-v2`."""

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for some in particular, whatever their state."""
        return bool(self.name or self.pool or self.deployment)

    @property
    def words(self) -> dict[str, str]:
        """Its words in an address, but for the state."""
        return {"name": self.name, "pool": self.pool, "deployment": self.deployment, "type": self.type}

    def fits(self, one: Line) -> bool:
        """Whether a deployment is meant, whatever its state."""
        if self.deployment and str(one.id) != self.deployment:
            return False
        return self.name.lower() in one.name.lower() and self.pool in ("", one.agent_pool)


async def survey(api: AsyncClient, wanted: Wanted = Wanted(), runs_of: Collection[UUID] | None = None) -> Survey:
    """How far each deployment is; as `penstock upgrade status` and `plan` read and work it out.

    Runs are counted of all, or only of those in `runs_of`: they change neither a state nor where a deployment goes.
    """
    return await asyncio.to_thread(_survey, api.blocking, _types(wanted.type), runs_of)


async def waiting(api: AsyncClient, lines: Sequence[Line]) -> Mapping[UUID, int]:
    """How many runs that were made by hand wait for each that is not upgraded; none counts as zero."""
    return await asyncio.to_thread(waiting_runs, api.blocking, [one.id for one in lines if not one.was])


def wanted_by(at: Reader) -> Wanted:
    """What the address asks for, or the form; what it can't mean is left out."""
    words = {name: (at.asked(name) or at.field(name).strip())[:200] for name in Wanted.__slots__}
    return Wanted(**{**words, "state": words["state"] if words["state"] in STATES else ""})


def counts(lines: Iterable[Line]) -> dict[str, int]:
    """How many there are in each state."""
    found = Counter(one.state for one in lines)
    return {state: found[state] for state in STATES}


def plan_of(lines: Iterable[Line]) -> UpgradePlan:
    """What the upgrade of some of them would do."""
    return UpgradePlan(tuple(one.plan for one in lines))


def seen(lines: Sequence[Line]) -> str:
    """A digest of what somebody agrees to: which deployments become what, and what is made for that."""
    plan = plan_of(lines)
    told = (
        [(one.id, one.plan.after, one.was) for one in lines],
        [(pool.name, pool.exists, [(queue.name, queue.exists) for queue in pool.queues]) for pool in plan.pools],
        [(block.type_slug, block.name, block.exists) for block in plan.blocks],
    )
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _types(word: str) -> PoolTypes:
    slug, _, kind = word.partition("=")
    return {slug: kind} if kind in pool_types(slug) else {}


def _survey(client: Client, types: PoolTypes, runs_of: Collection[UUID] | None) -> Survey:
    landscape = read(client, runs_of=runs_of)
    plan = make_plan(landscape.deployments, landscape.there, shipped_templates(), types)
    lines = [
        Line(one, "rolled-back" if status.status == ROLLED_BACK else status.status) for one, status in statuses(plan)
    ]
    return Survey(tuple(lines), plan, landscape.there)
