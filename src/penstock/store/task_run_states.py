"""States of task runs that are proposed through the API, in one transaction that holds the run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from penstock.clock import to_micros
from penstock.core.states import TERMINAL
from penstock.core.task_transitions import (
    LONGEST_CACHE_KEY,
    TAG_WAIT,
    TagLimit,
    TaskFacts,
    apply_task_state,
    decide_task_run,
)
from penstock.errors import NotFound
from penstock.store.database import Steps, intent
from penstock.store.documents import as_array
from penstock.store.flow_run_documents import decode as decode_flow_run
from penstock.store.results import keep_results
from penstock.store.statements import load
from penstock.store.task_run_documents import decode, row_of
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.states import (
    OrchestrationDetails,
    OrchestrationResult,
    State,
    StateCreate,
    StateType,
)
from penstock.wire.task_runs import TaskRun

SQL = load("task_runs")

FOR_EVER = timedelta(days=36_500)
_decode_state = msgspec.json.Decoder(State).decode


@dataclass(frozen=True, slots=True)
class TaskProposal:
    """A proposed state, the id it will have, and a random number for the delay of a retry."""

    state: StateCreate
    now: datetime
    new_id: UUID
    force: bool = False
    jitter: float = 0.0
    tag_wait: float = TAG_WAIT
    longest_cache_key: int = LONGEST_CACHE_KEY

    def facts(self, run: TaskRun, state: State | None, flow_run_count: int) -> TaskFacts:
        """What the rules look at, without the cache and the limits."""
        return TaskFacts(
            run,
            state,
            flow_run_count,
            jitter=self.jitter,
            tag_wait=self.tag_wait,
            longest_cache_key=self.longest_cache_key,
        )


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What a proposal came to, and the task run after it."""

    result: OrchestrationResult
    run: TaskRun
    written: bool


@intent
def propose(run_id: UUID, proposal: TaskProposal) -> Steps[TaskOutcome]:
    """Proposes a state. NotFound for an unknown run."""
    yield SQL.lock_task(id=str(run_id))
    run, flow = yield from _read(run_id)
    facts = yield from _facts(run, flow, proposal)
    verdict = decide_task_run(facts, proposal.state, force=proposal.force, now=proposal.now, new_id=proposal.new_id)
    details = OrchestrationDetails(
        type=f"{verdict.status.value.lower()}_details", reason=verdict.reason, delay_seconds=verdict.delay_seconds
    )
    if verdict.state is None:
        return TaskOutcome(OrchestrationResult(state=run.state, status=verdict.status, details=details), run, False)
    after = apply_task_state(run, verdict.state, flow_run_count=facts.flow_run_count, now=proposal.now)
    yield from write(after)
    yield from _move_tags(facts, verdict.state, proposal.now)
    yield from _keep_cached(verdict.state, proposal.now)
    return TaskOutcome(OrchestrationResult(state=verdict.state, status=verdict.status, details=details), after, True)


def _read(run_id: UUID) -> Steps[tuple[TaskRun, FlowRun | None]]:
    rows = yield SQL.facts(id=str(run_id))
    if not rows:
        raise NotFound(f"Task run with id {run_id} not found")
    task, _, flow = rows[0]
    return decode(task), decode_flow_run(flow) if flow else None


def _facts(run: TaskRun, flow: FlowRun | None, proposal: TaskProposal) -> Steps[TaskFacts]:
    """What the rules look at; the cache and the limits only where a run is to start."""
    facts = proposal.facts(run, *((flow.state, flow.run_count) if flow else (None, 0)))
    if proposal.force or proposal.state.type is not StateType.RUNNING:
        return facts
    cached = yield from _cached(proposal.state.state_details.cache_key, proposal.now)
    tags: tuple[TagLimit, ...] = ()
    if run.tags:
        rows = yield SQL.tag_limits(tags=json.dumps(run.tags), now=to_micros(proposal.now), holder=str(run.id))
        tags = tuple(TagLimit(UUID(id), name.removeprefix("tag:"), size, int(used)) for id, name, size, used in rows)
    return replace(facts, cached=cached, tags=tags)


def _cached(key: str | None, now: datetime) -> Steps[State | None]:
    if key is None:
        return None
    rows = yield SQL.cached(cache_key=key, now=to_micros(now))
    return _decode_state(rows[0][0]) if rows else None


def _move_tags(facts: TaskFacts, state: State, now: datetime) -> Steps[None]:
    """A running task run holds a slot of each limited tag; any other gives them back."""
    holder = str(facts.run.id)
    if state.type is StateType.RUNNING:
        for limit in facts.tags:
            yield SQL.hold_tag(
                lease=str(state.id),
                limit_id=str(limit.id),
                holder=holder,
                now=to_micros(now),
                expires_at=to_micros(now + FOR_EVER),
            )
    elif facts.run.tags and state.type is not StateType.CANCELLING:
        yield SQL.release_tags(holder=holder)


def _keep_cached(state: State, now: datetime) -> Steps[None]:
    details = state.state_details
    if state.type is not StateType.COMPLETED or details.cache_key is None or state.name == "Cached":
        return
    expires = details.cache_expiration
    yield SQL.keep_cached(
        cache_key=details.cache_key,
        now=to_micros(now),
        expires_at=None if expires is None else to_micros(expires),
        doc=encode(state).decode(),
    )


def write(run: TaskRun) -> Steps[None]:
    """Writes a task run in its new state, with the state's history and its result."""
    yield SQL.write_task(**row_of(run))
    if run.state is not None:
        yield SQL.insert_state(**state_row(run.id, run.state))
        yield from keep_results([run.state], run.state.timestamp)


def state_row(run_id: UUID, state: State) -> dict[str, object]:
    """A state as a row of the history."""
    return {
        "id": str(state.id),
        "task_run_id": str(run_id),
        "timestamp": to_micros(state.timestamp),
        "doc": encode(state).decode(),
    }


def mirror(run_id: UUID, state: State, now: datetime) -> Steps[None]:
    """Gives a subflow's tracking task run the subflow's state; an unknown or ended one is left alone."""
    yield SQL.lock_task(id=str(run_id))
    rows = yield SQL.facts(id=str(run_id))
    if not rows:
        return
    run = decode(rows[0][0])
    if run.state is not None and run.state.type in TERMINAL and state.type is StateType.CANCELLING:
        return
    state_details = msgspec.structs.replace(state.state_details, task_run_id=run.id, flow_run_id=run.flow_run_id)
    copy = msgspec.structs.replace(state, state_details=state_details)
    count = decode_flow_run(rows[0][2]).run_count if rows[0][2] else 0
    yield from write(apply_task_state(run, copy, flow_run_count=count, now=now))


@intent
def list_states(run_id: UUID) -> Steps[bytes]:
    """The JSON array of a task run's states, oldest first."""
    return as_array((yield SQL.list_states(task_run_id=str(run_id))))


@intent
def read_state(id: UUID) -> Steps[bytes | None]:
    """The JSON of a state."""
    rows = yield SQL.read_state(id=str(id))
    return rows[0][0].encode() if rows else None
