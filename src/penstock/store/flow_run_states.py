"""Proposing a state of a flow run: read, decide, compare and set.

The row changes only if it is still what the decision was based on, together with the history and the
event (DESIGN, law 1). Most proposals are one read and one write. Where slots of a limit or a parent's
task run are involved everything happens in one transaction that holds the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.core.leases import DEFAULT_GRACE, Lease, begun_by_another, lease_after
from penstock.core.run_events import Surroundings, state_event
from penstock.core.states import TERMINAL, is_terminal, with_details
from penstock.core.transitions import DeploymentLimit, Facts, apply_state, decide_flow_run, needs_limit
from penstock.core.verdicts import Verdict, abort
from penstock.errors import NotFound
from penstock.store import run_limits, task_run_states
from penstock.store.database import Database, Row, Steps, intent
from penstock.store.documents import as_array
from penstock.store.flow_run_documents import decode, row_of
from penstock.store.results import has_result, keep_results
from penstock.store.statements import load
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.states import OrchestrationDetails, OrchestrationResult, State, StateCreate, StateType

SQL = load("flow_runs")

FOR_EVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class SlotTerms:
    """What the settings say of runs: how long they wait for a slot, and may hold one before they run."""

    wait_seconds: float | None = 30.0
    """None for who asks only for what is free: a run that finds no slot stays as due as it is."""
    grace_seconds: float = 300.0
    cancel_seconds: float = DEFAULT_GRACE
    """How long the job of a cancelled run has to end by itself, where its deployment does not say."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed state, who proposes it, and the id it will have."""

    state: StateCreate
    now: datetime
    new_id: UUID
    force: bool = False
    client_version: tuple[int, ...] | None = None
    attempt: int | None = None
    """The attempt the proposer works on; a stale one is told to stop."""
    worker: str | None = None
    """The Prefect worker that asks, by name; UNNAMED when it may be one."""
    labels: Mapping[str, Any] | None = None
    """Labels that the run is given with the state."""
    slots: SlotTerms = SlotTerms()
    only_from: StateType | None = None
    """The state that the proposer saw; once the run is in another one, nothing is written."""


@dataclass(frozen=True, slots=True)
class Known:
    """A run as it was read, with what a decision looks at."""

    run: FlowRun
    doc: str
    lease: Lease
    around: Surroundings
    limit_id: str | None
    cancel_new: bool
    grace_seconds: int | None

    @property
    def needs_transaction(self) -> bool:
        """Whether a state of the run changes rows of others too."""
        return self.run.parent_task_run_id is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a proposal came to; `event` is the JSON of the event that was written, None when nothing was."""

    result: OrchestrationResult
    run: FlowRun
    around: Surroundings
    event: bytes | None = None

    @property
    def written(self) -> bool:
        """Whether the state that is now current was written by this proposal."""
        return self.event is not None


async def propose(store: Database, run_id: UUID, proposal: Proposal) -> Outcome:
    """Proposes a state. NotFound for an unknown run."""
    while True:
        known = await store.read(read_known(run_id))
        slots = _slots_matter(known, proposal)
        if slots or known.needs_transaction:
            return await store.write(propose_whole(run_id, proposal, store.dialect))
        verdict = _decide(known, proposal, None, False)
        if verdict.state is None:
            return _unwritten(known, verdict)
        change = _Change(known, verdict, verdict.state, proposal)
        if verdict.slots.release or verdict.slots.renew:
            return await store.write(propose_whole(run_id, proposal, store.dialect))
        if await store.write(write(change, store.dialect)):
            return change.outcome


def _slots_matter(known: Known, proposal: Proposal) -> bool:
    return known.limit_id is not None and not proposal.force and needs_limit(known.run, proposal.state.type)


@intent
def propose_whole(run_id: UUID, proposal: Proposal, dialect: str, *, held: bool = False) -> Steps[Outcome]:
    """Proposes a state in one transaction, in which the run is held (or was, before); an intent for services too."""
    if not held:
        yield SQL.lock_run(id=str(run_id))
    known = yield from read_known(run_id)
    limit, live = None, False
    if _slots_matter(known, proposal) and known.limit_id is not None:
        limit, live = yield from _limit_facts(known, known.limit_id, proposal)
    verdict = _decide(known, proposal, limit, live)
    if verdict.state is None:
        return _unwritten(known, verdict)
    change = _Change(known, verdict, verdict.state, proposal)
    yield from _move_slots(known, verdict, proposal)
    yield from write(change, dialect)
    if known.run.parent_task_run_id is not None:
        yield from tell_parent(change.run, verdict.state, known.run.parent_task_run_id, proposal.now)
    return change.outcome


def _limit_facts(known: Known, limit_id: str, proposal: Proposal) -> Steps[tuple[DeploymentLimit | None, bool]]:
    before = known.run.state
    lease = before.state_details.deployment_concurrency_lease_id if before else None
    found = yield from run_limits.read(limit_id, lease, proposal.now)
    if found is None:
        return None, False
    size, used, live = found
    grace, terms = known.grace_seconds or proposal.slots.grace_seconds, proposal.slots
    return DeploymentLimit(size, used, known.cancel_new, grace, terms.wait_seconds), live


def _move_slots(known: Known, verdict: Verdict, proposal: Proposal) -> Steps[None]:
    slots, now = verdict.slots, proposal.now
    grace = timedelta(seconds=known.grace_seconds or proposal.slots.grace_seconds)
    until = now + (FOR_EVER if slots.for_ever else grace)
    if slots.release is not None:
        yield from run_limits.release(slots.release)
    if slots.renew is not None:
        yield from run_limits.renew(slots.renew, until)
    if slots.take is not None and known.limit_id is not None:
        yield from run_limits.hold(slots.take, known.limit_id, known.run.id, now, until)


def tell_parent(run: FlowRun, state: State, task_run_id: UUID, now: datetime) -> Steps[None]:
    """The tracking task run of a subflow takes each of its states."""
    copy = with_details(state, child_flow_run_id=run.id)
    yield from task_run_states.mirror(task_run_id, copy, now)


@intent
def read_known(run_id: UUID) -> Steps[Known]:
    """A run with what a decision looks at. NotFound for an unknown one."""
    rows = yield SQL.facts(id=str(run_id))
    if not rows:
        raise NotFound(f"Flow run with id {run_id} not found")
    return _known(rows[0])


def _known(row: Row) -> Known:
    doc, attempt, holder, expires_at, flow, deployment, queue, pool_id, pool, pool_type, *limit = row
    lease = Lease(holder, None if expires_at is None else from_micros(expires_at), attempt)
    around = Surroundings(flow, deployment, queue, pool_id, pool, pool_type, bool(limit[1]))
    run = decode(doc)
    if queue is None and run.work_queue_id is not None:
        run = msgspec.structs.replace(run, work_queue_id=None)  # its queue is no more
    return Known(run, doc, lease, around, limit[0], bool(limit[1]), limit[2])


def _decide(known: Known, proposal: Proposal, limit: DeploymentLimit | None, live: bool) -> Verdict:
    if proposal.attempt is not None and proposal.attempt != known.lease.attempt:
        return abort(
            f"This is attempt {proposal.attempt} of the run, but attempt {known.lease.attempt} works on it now."
        )
    if proposal.attempt is not None and _is_offered(known) and not proposal.force:
        return abort(f"Attempt {proposal.attempt} is over: the run is offered again.")
    if proposal.only_from is not None and proposal.only_from is not known.run.state_type:
        return abort(f"The run is not {proposal.only_from.value} any more.")
    if proposal.attempt is not None and _goes_on_after_end(known, proposal):
        return abort(f"Attempt {proposal.attempt} is over: the run has ended.")
    begins = known.run.state_type is StateType.PENDING and proposal.state.type is StateType.RUNNING
    other = begun_by_another(known.lease, proposal.worker) if begins and not proposal.force else None
    if other is not None:
        return abort(f"Worker {other!r} has this run now, so the job of {proposal.worker!r} must not begin it.")
    facts = Facts(known.run, limit, live, proposal.client_version)
    return decide_flow_run(facts, proposal.state, force=proposal.force, now=proposal.now, new_id=proposal.new_id)


def _is_offered(known: Known) -> bool:
    """Whether nobody works on the run, and whoever claims it begins the next attempt."""
    waits = known.run.state_type is StateType.SCHEDULED and known.run.empirical_policy.retry_type != "in_process"
    return waits and known.lease.holder is None


def _goes_on_after_end(known: Known, proposal: Proposal) -> bool:
    """Whether an attempt wants to begin, or to go on, though its run has ended: it was ended without it.

    A host that was frozen may wake up after that and start its job. Who runs the run again makes it due first.
    """
    return is_terminal(known.run.state) and not proposal.force and proposal.state.type not in TERMINAL


def _unwritten(known: Known, verdict: Verdict) -> Outcome:
    return Outcome(_result(verdict, known.run.state), known.run, known.around)


def _result(verdict: Verdict, state: State | None) -> OrchestrationResult:
    kind = f"{verdict.status.value.lower()}_details"
    details = OrchestrationDetails(type=kind, reason=verdict.reason, delay_seconds=verdict.delay_seconds)
    return OrchestrationResult(state=state, status=verdict.status, details=details)


class _Change:
    """A verdict's state on its way into the row, the history and the events."""

    def __init__(self, known: Known, verdict: Verdict, state: State, proposal: Proposal) -> None:
        self.now = proposal.now
        self.cancels = state.type is StateType.CANCELLING
        self.cancel_seconds = proposal.slots.cancel_seconds
        run = apply_state(known.run, state, policy=verdict.policy, now=proposal.now)
        self.run = msgspec.structs.replace(run, labels={**run.labels, **proposal.labels}) if proposal.labels else run
        in_process = self.run.empirical_policy.retry_type == "in_process"
        worker = proposal.worker if proposal.worker or known.around.pool_id else None
        lease = lease_after(known.lease, state, in_process=in_process, worker=worker, now=proposal.now)
        self.row = change_row(self.run, known.run.state, known.around, proposal.now) | {
            "lease_holder": lease.holder,
            "lease_expires_at": None if lease.expires_at is None else to_micros(lease.expires_at),
            "attempt": lease.attempt,
            "seen": str(known.run.state_id),
            "seen_doc": known.doc,
        }
        self.outcome = Outcome(_result(verdict, state), self.run, known.around, self.row["event_doc"].encode())


def change_row(run: FlowRun, before: State | None, around: Surroundings, now: datetime) -> dict[str, Any]:
    """The parameters that write a run in its new state with its history and event."""
    state = run.state
    if state is None:
        raise ValueError("a run is written with a state")
    event = state_event(run, before, state, around, now)
    return row_of(run) | {
        "state_doc": encode(state).decode(),
        "event": event.event,
        "resource_id": f"prefect.flow-run.{run.id}",
        "related": encode([one["prefect.resource.id"] for one in event.related]).decode(),
        "event_doc": encode(event).decode(),
    }


@intent
def write(change: _Change, dialect: str) -> Steps[bool]:
    """Writes a change if the run is still as it was read; False when it is not."""
    if dialect == "postgres":
        alone = not has_result(change.run.state) and not change.cancels
        query = SQL.change_run_whole.alone(**change.row) if alone else SQL.change_run_whole(**change.row)
        if not (yield query):
            return False
    else:
        if not (yield SQL.change_run(**change.row)):
            return False
        yield SQL.insert_state(**change.row)
        yield SQL.insert_event(**change.row)
    if change.cancels:
        yield SQL.set_cancel_by(id=change.row["id"], now=to_micros(change.now), seconds=change.cancel_seconds)
    yield from keep_results([change.run.state], change.now)
    return True


async def rewrite(store: Database, run_id: UUID, edit: Callable[[FlowRun], FlowRun]) -> FlowRun:
    """Changes fields of a run that are no state. NotFound for an unknown run."""
    while True:
        known = await store.read(read_known(run_id))
        run = edit(known.run)
        if await store.write(_rewrite(row_of(run) | {"seen_doc": known.doc})):
            return run


@intent
def _rewrite(row: Mapping[str, Any]) -> Steps[bool]:
    return bool((yield SQL.rewrite_run(**row)))


@intent
def list_states(run_id: UUID) -> Steps[bytes]:
    """The JSON array of a run's states, oldest first."""
    return as_array((yield SQL.list_states(flow_run_id=str(run_id))))


@intent
def read_state(id: UUID) -> Steps[bytes | None]:
    """The JSON of a state."""
    rows = yield SQL.read_state(id=str(id))
    return rows[0][0].encode() if rows else None
