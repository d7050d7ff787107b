"""Which state a task run may take next: the rules in their order, and the bookkeeping of a written state.

They judge what is proposed through the API: subflows' tracking tasks, background tasks, people and
older clients. What a client reports as an event has happened already and is only recorded.
Facts: Prefect API 0.8.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from penstock.core.states import (
    TERMINAL,
    due_as_before,
    has_result,
    is_terminal,
    kept_of,
    stamp,
    turned_into,
    with_details,
)
from penstock.core.verdicts import ANY_OR_NONE, EVERY, Rule, Verdict, abort, instead, refuse, wait, wait_until
from penstock.wire.states import OrchestrationStatus, State, StateCreate, StateDetails, StateType
from penstock.wire.task_runs import TaskRun

TAG_WAIT = 10.0
"""Seconds until a task run asks again for the slot of a tag."""
LONGEST_CACHE_KEY = 2000


@dataclass(frozen=True, slots=True)
class TagLimit:
    """A limit on one of the run's tags; `used` does not count the run itself."""

    id: UUID
    tag: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the rules look at beside the proposal."""

    run: TaskRun
    flow_state: State | None = None
    flow_run_count: int = 0
    cached: State | None = None
    """The newest state kept under the proposal's cache key."""
    tags: tuple[TagLimit, ...] = ()
    jitter: float = 0.0
    """A random number from 0 to 1."""
    tag_wait: float = TAG_WAIT
    longest_cache_key: int = LONGEST_CACHE_KEY


@dataclass(frozen=True, slots=True)
class TaskMove:
    """A proposal on its way through the rules."""

    facts: TaskFacts
    proposed: State
    now: datetime

    @property
    def run(self) -> TaskRun:
        return self.facts.run

    @property
    def current(self) -> State:
        """The state the run is in; rules that ask for it are selected only where there is one."""
        state = self.facts.run.state
        if state is None:
            raise ValueError("this run has no state yet")
        return state


def use_cache(move: TaskMove) -> TaskMove | Verdict:
    """A task whose result is known is not run again."""
    details, cached = move.proposed.state_details, move.facts.cached
    if details.cache_key is None or details.refresh_cache or cached is None:
        return move
    found = _from_cache(move.proposed, cached)
    return instead(found, "Retrieved state from cache")


def _from_cache(proposed: State, cached: State) -> State:
    """The cached state under the proposal's id and time."""
    return turned_into(
        proposed,
        StateType.COMPLETED,
        name="Cached",
        message=cached.message,
        data=cached.data,
        details=structs.replace(cached.state_details, task_run_id=None, flow_run_id=None),
    )


def guard_ended(move: TaskMove) -> TaskMove | Verdict:
    """An ended task run may run again, but not be cancelled, paused or reported crashed; results stay."""
    target, current = move.proposed.type, move.current
    if target in (StateType.CANCELLING, StateType.PAUSED, StateType.CRASHED):
        return abort(f"The run has ended as {current.type.value}.")
    if current.type is StateType.COMPLETED and has_result(current) and target not in TERMINAL:
        return refuse("The task run has ended as COMPLETED and keeps its result.")
    again = target is StateType.RUNNING and move.run.flow_run_run_count < move.facts.flow_run_count
    return replace(move, proposed=structs.replace(move.proposed, name="Retrying")) if again else move


def guard_flow(move: TaskMove) -> TaskMove | Verdict:
    """A task runs only while its flow runs."""
    if move.run.flow_run_id is None:
        return move
    flow = move.facts.flow_state
    if flow is not None and flow.type is StateType.RUNNING:
        return move
    if flow is None or flow.type is not StateType.PAUSED:
        return abort("A task begins only while its flow runs.")
    details = StateDetails(
        pause_timeout=flow.state_details.pause_timeout, pause_reschedule=flow.state_details.pause_reschedule
    )
    waiting = turned_into(move.proposed, StateType.PAUSED, name="NotReady", details=details)
    return instead(waiting, "The flow is not running, so its tasks cannot begin.")


def guard_tags(move: TaskMove) -> TaskMove | Verdict:
    """A task run holds a slot of each of its tags that is limited."""
    for limit in move.facts.tags:
        if limit.limit <= 0:
            return abort(f"The tag {limit.tag!r} has a limit of 0, so the task can never run.")
        if limit.used >= limit.limit:
            return wait(move.facts.tag_wait, f"No slot of the limit on tag {limit.tag!r} is free.")
    return move


def copy_scheduled_time(move: TaskMove) -> TaskMove | Verdict:
    """A run that was taken still knows when it was due."""
    return replace(move, proposed=due_as_before(move.proposed, move.current))


def wait_until_due(move: TaskMove) -> TaskMove | Verdict:
    """A run that was taken early starts on time."""
    return wait_until(move.current.state_details.scheduled_time, move.now) or move


def retry(move: TaskMove) -> TaskMove | Verdict:
    """A failed task run with tries left is scheduled again."""
    run, failed = move.run, move.proposed
    retries = run.empirical_policy.retries
    if retries is None or run.run_count > retries or failed.state_details.retriable is False:
        return move
    details = StateDetails(scheduled_time=move.now + timedelta(seconds=_delay(move)))
    waiting = turned_into(
        failed, StateType.SCHEDULED, name="AwaitingRetry", message=failed.message, data=failed.data, details=details
    )
    return instead(waiting, "Retrying")


def _delay(move: TaskMove) -> float:
    policy = move.run.empirical_policy
    delay = policy.retry_delay or 0
    if isinstance(delay, list):
        delay = delay[min(max(move.run.run_count - 1, 0), len(delay) - 1)]
    return float(delay) * (1 + (policy.retry_jitter_factor or 0) * move.facts.jitter)


def name_again(move: TaskMove) -> TaskMove | Verdict:
    """A second try has a name that says so."""
    if move.run.run_count == 0 or (move.run.state and move.run.state.type in TERMINAL):
        return move
    waited = move.run.state is not None and move.run.state.name == "AwaitingRetry"
    return replace(move, proposed=structs.replace(move.proposed, name="Retrying" if waited else "Rerunning"))


def guard_cache_key(move: TaskMove) -> TaskMove | Verdict:
    """A key that is too long can't be kept."""
    key, most = move.proposed.state_details.cache_key, move.facts.longest_cache_key
    if key is not None and len(key) > most:
        return refuse(f"A cache key may have {most} characters; this one has {len(key)}.")
    return move


_RUN, _FAIL, _DONE = StateType.RUNNING, StateType.FAILED, StateType.COMPLETED

RULES = (
    #    judge                from                 to
    Rule(use_cache, ANY_OR_NONE, {_RUN}),
    Rule(guard_ended, TERMINAL, EVERY),
    Rule(guard_flow, ANY_OR_NONE, {_RUN}),
    Rule(guard_tags, ANY_OR_NONE, {_RUN}),
    Rule(copy_scheduled_time, {StateType.SCHEDULED}, {StateType.PENDING}),
    Rule(wait_until_due, {StateType.SCHEDULED, StateType.PENDING}, {_RUN}),
    Rule(retry, {_RUN}, {_FAIL}),
    Rule(name_again, ANY_OR_NONE, {_RUN}),
    Rule(guard_cache_key, ANY_OR_NONE, {_DONE}),
)


def decide_task_run(facts: TaskFacts, proposed: StateCreate, *, force: bool, now: datetime, new_id: UUID) -> Verdict:
    """The verdict on a proposed state; by force it is always accepted. `new_id` is the id of the state."""
    run = facts.run
    state = stamp(proposed, id=new_id, now=now, after=run.state)
    move = TaskMove(facts, state, now)
    before = run.state.type if run.state else None
    for rule in () if force else RULES:
        if before not in rule.before or state.type not in rule.after:
            continue
        judged = rule.judge(move)
        if isinstance(judged, Verdict):
            return _linked(judged, run)
        move = judged
    return _linked(Verdict(OrchestrationStatus.ACCEPT, move.proposed), run)


def _linked(verdict: Verdict, run: TaskRun) -> Verdict:
    if verdict.state is None:
        return verdict
    return replace(verdict, state=with_details(verdict.state, flow_run_id=run.flow_run_id, task_run_id=run.id))


def apply_task_state(run: TaskRun, state: State, *, flow_run_count: int, now: datetime) -> TaskRun:
    """The task run as it is once the state is written."""
    ended, starts = state.type in TERMINAL, state.type is StateType.RUNNING
    again = is_terminal(run.state) and not ended
    end = None if again else run.end_time
    return structs.replace(
        run,
        **kept_of(state, run, now),
        end_time=(end or state.timestamp) if ended else end,
        run_count=(0 if again else run.run_count) + starts,
        flow_run_run_count=flow_run_count if starts else run.flow_run_run_count,
    )
