"""What stands around a deployment when it is upgraded: its queue and pool, runs that wait, automations, tag queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.pool_types import AGENT_POOL
from penstock.core.upgrade_plans import OldDeployment, PoolPlan
from penstock.names import counted
from penstock.wire.automations import Automation
from penstock.wire.schedules import RRuleSchedule
from penstock.wire.work_queues import WorkQueue

QUEUE, POOL = "work_queue", "work_pool"


@dataclass(frozen=True, slots=True)
class Spread:
    """Over which new pools the deployments of each old pool and queue go."""

    pools: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    queues: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, old: OldDeployment, pool: str) -> None:
        """One deployment goes there."""
        home, queue = home_of(old)
        self.pools[home].add(pool)
        self.queues[home, queue].add(pool)


def home_of(old: OldDeployment) -> tuple[str, str]:
    """The names of its old pool and queue."""
    found = old.deployment
    return found.work_pool_name or AGENT_POOL, found.work_queue_name or "default"


def circumstances(old: OldDeployment, pool: PoolPlan, spread: Spread) -> list[Remark]:
    """What there is to say beside the job and the code."""
    rules = [one.schedule.rrule for one in old.deployment.schedules if isinstance(one.schedule, RRuleSchedule)]
    return [*_limits(old, pool, spread), *counted_rules(rules), *_runs(old), *_automations(old)]


def counted_rules(rules: Iterable[str]) -> list[Remark]:
    """What there is to say of schedules that end after a number of dates (C13): their first date decides where."""
    if not any("COUNT=" in rule.upper() for rule in rules):
        return []
    said = "A schedule ends after a COUNT of dates, which is counted from its first date on."
    return [Remark("C13", Severity.WARNING, "schedules", said, "Prefer UNTIL with the last date.")]


def tag_queues(queues: Iterable[WorkQueue], every: Iterable[OldDeployment]) -> tuple[Remark, ...]:
    """Queues that gather runs by tags, which no worker does (C12); each once."""
    deployments = list(every)
    return tuple(_tag_queue(one, deployments) for one in queues if one.filter is not None)


def _tag_queue(queue: WorkQueue, every: Iterable[OldDeployment]) -> Remark:
    tags = queue.filter.tags if queue.filter and queue.filter.tags else []
    fitting = [one.full_name for one in every if set(tags) <= set(one.deployment.tags)]
    listed = ", ".join(fitting[:5]) + (f" and {len(fitting) - 5} more" if len(fitting) > 5 else "")
    where = f" Its tags fit: {listed}." if fitting else ""
    return Remark(
        "C12",
        Severity.WARNING,
        queue.name,
        f"The queue {queue.name!r} gathers runs by their tags ({', '.join(tags) or 'any'}); workers go by queue alone."
        + where,
        "Put each of these deployments into a queue: `penstock deployment inspect` shows which one it is in.",
    )


def _limits(old: OldDeployment, pool: PoolPlan, spread: Spread) -> Iterator[Remark]:
    home, name = home_of(old)
    queue = old.queue
    if queue and (queue.concurrency_limit is not None or queue.is_paused):
        yield _copied(QUEUE, f"queue {name!r}", queue, spread.queues[home, name])
    if old.pool and (old.pool.concurrency_limit is not None or old.pool.is_paused):
        yield _copied(POOL, f"pool {home!r}", old.pool, spread.pools[home])
    if pool.exists:
        yield Remark(
            "C18",
            Severity.NOTE,
            POOL,
            f"The pool {pool.name!r} is there already with this very template; its limit and pause stay as they are.",
            "Nothing to do, unless its limits are not meant for these deployments.",
        )


def _copied(place: str, what: str, source: Any, pools: set[str]) -> Remark:
    said = [f"a limit of {source.concurrency_limit}"] if source.concurrency_limit is not None else []
    said += ["a pause"] if source.is_paused else []
    if source.concurrency_limit is not None and len(pools) > 1:
        return Remark(
            "C18",
            Severity.WARNING,
            place,
            f"The {what} has {' and '.join(said)}; its deployments go to {len(pools)} pools, each of which has it.",
            "Give each pool its part, or limit them together by a global concurrency limit.",
        )
    return Remark(
        "C18", Severity.NOTE, place, f"The {what} has {' and '.join(said)}, which is copied.", "Nothing to do."
    )


def _runs(old: OldDeployment) -> Iterator[Remark]:
    if old.waiting:
        yield Remark(
            "C17",
            Severity.NOTE,
            "flow_runs",
            f"{counted(old.waiting, 'run')} made by hand {'waits' if old.waiting == 1 else 'wait'} for an agent; "
            "they go along to the new pool.",
            "Nothing to do, once the pool has a worker.",
        )
    if old.unfinished:
        yield Remark(
            "C17",
            Severity.NOTE,
            "flow_runs",
            f"{counted(old.unfinished, 'run')} that agents took {'has' if old.unfinished == 1 else 'have'} not ended; "
            "they end where they are.",
            "Keep the agents until then.",
        )


def _automations(old: OldDeployment) -> Iterator[Remark]:
    for one in old.automations:
        if _names_home(one, old):
            yield Remark(
                "C22",
                Severity.WARNING,
                "automations",
                f"The automation {one.name!r} ({one.id}) names the old pool or queue, which no run will be in.",
                "Name the new pool or queue in it after the upgrade.",
            )
        if _passes_variables(one, str(old.deployment.id)):
            yield Remark(
                "C22",
                Severity.WARNING,
                "automations",
                f"The automation {one.name!r} ({one.id}) gives runs job variables, which agents did not look at.",
                "Take them out of the automation, or see that they are right: workers go by them.",
            )


def _names_home(one: Automation, old: OldDeployment) -> bool:
    ids = [str(each.id) for each in (old.pool, old.queue) if each is not None]
    text = msgspec.json.encode(one).decode()
    names = [f'"{name}"' for name in home_of(old) if name != "default"]
    return any(found in text for found in (*ids, *names))


def _passes_variables(one: Automation, deployment_id: str) -> bool:
    every = (*one.actions, *one.actions_on_trigger, *one.actions_on_resolve)
    return any(each.get("job_variables") and each.get("deployment_id") in (deployment_id, None) for each in every)
