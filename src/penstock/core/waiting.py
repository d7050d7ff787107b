"""Why a run is not running: one sentence from what stands in its way, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from penstock.core.pool_types import AGENT_TYPE, pushed_kind
from penstock.core.states import TERMINAL
from penstock.wire.states import State, StateType
from penstock.wire.waiting import Explanation

POLLED_WITHIN = timedelta(seconds=60)
"""A queue, and a deployment, counts as READY for this long after a poll."""
DEFAULT_QUEUE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStanding:
    """The queue that a run is in and its pool; `active` are runs in PENDING and RUNNING.

    `ahead` are the due runs of the pool that come before the one that is asked about, as far as they are counted.
    `problem` is why the server can't start runs of a push pool.
    """

    pool: str
    pool_type: str
    pool_paused: bool
    pool_limit: int | None
    pool_active: int
    workers: int
    queue: str
    paused: bool
    limit: int | None
    active: int
    polled: datetime | None
    ahead: int
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStanding:
    """The limit on the runs of a deployment; `enforced` is False for one that is switched off."""

    deployment: str
    limit: int
    taken: int
    enforced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A run and all that may hold it back."""

    run_id: UUID
    state: State | None
    due: datetime | None
    in_process: bool = False
    """Whether its process waits for the next try itself."""
    holder: str | None = None
    lease_until: datetime | None = None
    deployment_polled: datetime | None = None
    queue: QueueStanding | None = None
    slots: SlotStanding | None = None


def why(standing: Standing, now: datetime) -> Explanation:
    """The first thing that keeps the run from running, in the order in which they are met."""
    state = standing.state
    if state is None:
        return _because("no_state", "The run has no state yet, so it is not due.")
    if state.type is not StateType.SCHEDULED:
        return _begun(standing, state, now)
    if standing.in_process:
        return _because("retry_in_process", f"Its own process tries it again{_at(standing.due, now)}.")
    if standing.due is not None and standing.due > now:
        return _because("not_due", f"It is due{_at(standing.due, now)}.")
    if standing.queue is None:
        return _unqueued(standing, now)
    return _held_back(standing, standing.queue) or _unclaimed(standing.queue, now)


def _because(code: str, sentence: str, advice: str = "") -> Explanation:
    return Explanation(code=code, sentence=sentence, advice=advice)


def _begun(standing: Standing, state: State, now: datetime) -> Explanation:
    since = f"since {_clock(state.timestamp)}"
    match state.type:
        case StateType.PENDING:
            who = (standing.holder or "").partition(":")[2]
            left = standing.lease_until - now if standing.lease_until else None
            lease = f"; if it falls silent, the run is offered again in {_length(left)}" if left else ""
            return _because("starting", f"{repr(who) if who else 'A worker'} is starting its job {since}{lease}.")
        case StateType.PAUSED:
            until = state.state_details.pause_timeout
            ends = f"; at {_clock(until)} it fails" if until else ""
            return _because(
                "paused",
                f"It is paused {since} and waits to be resumed{ends}.",
                f"penstock flow-run resume {standing.run_id}",
            )
        case StateType.CANCELLING:
            return _because("cancelling", f"It is being cancelled {since}: its job is asked to end.")
        case StateType.RUNNING:
            return _because("running", f"It is running {since}.")
    said = f": {state.message}" if state.message and state.type in TERMINAL else "."
    return _because("ended", f"It ended {(state.name or state.type).lower()} at {_clock(state.timestamp)}{said}")


def _unqueued(standing: Standing, now: datetime) -> Explanation:
    if _recent(standing.deployment_polled, now):
        return _because("served", "The process that serves its deployment polls, and will start it when it has room.")
    return _because(
        "no_pool",
        "It is in no work pool, and no process serves its deployment, so nobody takes it.",
        "Deploy it to a pool (penstock deploy --pool NAME), or serve it with flow.serve().",
    )


def _held_back(standing: Standing, queue: QueueStanding) -> Explanation | None:
    pool, name = f"work pool {queue.pool!r}", f"work queue {queue.queue!r}"
    if queue.pool_paused:
        return _because("pool_paused", f"Its {pool} is paused.", f"penstock work-pool resume {queue.pool!r}")
    if queue.paused:
        advice = f"penstock work-queue resume {queue.queue!r} --pool {queue.pool!r}"
        return _because("queue_paused", f"Its {name} of {pool} is paused.", advice)
    if _full(queue.pool_limit, queue.pool_active):
        sentence = f"Its {pool} runs {_of(queue.pool_active, queue.pool_limit)} at once, and no slot is free."
        return _because("pool_full", sentence, f"penstock work-pool slots {queue.pool!r}")
    if _full(queue.limit, queue.active):
        sentence = f"Its {name} runs {_of(queue.active, queue.limit)} at once, and no slot is free."
        return _because("queue_full", sentence, f"penstock work-pool slots {queue.pool!r}")
    slots = standing.slots
    if slots and slots.enforced and slots.taken >= slots.limit:
        sentence = f"Its deployment {slots.deployment!r} runs {_of(slots.taken, slots.limit)} at once."
        return _because("deployment_full", sentence, "It starts as soon as one of them ends.")
    return None


def _unclaimed(queue: QueueStanding, now: datetime) -> Explanation:
    polled = _recent(queue.polled, now)
    if queue.pool_type == AGENT_TYPE and not polled:
        advice = f"penstock agent start --pool {queue.pool!r}"
        return _because("no_agent", f"No agent polls the {_place(queue)}{_last(queue.polled)}.", advice)
    if queue.problem:
        sentence = f"The server can't start the runs of {queue.pool!r}: {queue.problem}"
        return _because("push_failing", sentence, "It is tried again every few seconds.")
    if pushed_kind(queue.pool_type) is not None:
        return _because("pushed_soon", f"The server starts the runs of {queue.pool!r} itself{_behind(queue.ahead)}.")
    if not queue.workers and not polled:
        advice = f"penstock worker start --pool {queue.pool!r}"
        return _because("no_worker", f"No worker is online in work pool {queue.pool!r}{_last(queue.polled)}.", advice)
    if not polled:
        sentence = f"The workers of {queue.pool!r} do not take runs of the {_place(queue)}{_last(queue.polled)}."
        return _because("queue_unpolled", sentence, "They may be at their own --limit, draining, or ask other queues.")
    if queue.ahead:
        return _because("in_line", f"Nothing holds it back{_behind(queue.ahead)}.")
    return _because("free", f"Nothing holds it back: a worker of {queue.pool!r} takes it as soon as it has room.")


def _place(queue: QueueStanding) -> str:
    return f"work pool {queue.pool!r}" if queue.queue == DEFAULT_QUEUE else f"work queue {queue.queue!r}"


def _behind(ahead: int) -> str:
    if not ahead:
        return ""
    return "; 1 run is before it in line" if ahead == 1 else f"; {ahead} runs are before it in line"


def _full(limit: int | None, active: int) -> bool:
    return limit is not None and active >= limit


def _of(active: int, limit: int | None) -> str:
    return f"at most {limit} ({active} now)"


def _recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < POLLED_WITHIN


def _last(polled: datetime | None) -> str:
    return f"; it was last polled at {_clock(polled)}" if polled else "; it was never polled"


def _at(moment: datetime | None, now: datetime) -> str:
    return f" at {_clock(moment)}, in {_length(moment - now)}" if moment else ""


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _length(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
