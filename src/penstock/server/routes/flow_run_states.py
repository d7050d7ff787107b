"""Proposing states of flow runs: set_state, resume, and many at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from penstock.core.leases import UNNAMED
from penstock.core.parameters import unfit
from penstock.errors import BadRequest, NotFound
from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.bind import Answer, Request, handles
from penstock.server.routes.flow_runs import MOST_IN_BULK
from penstock.settings import Settings
from penstock.store import flow_run_states as store
from penstock.store import flow_runs
from penstock.store.filters import select
from penstock.wire import flow_runs as wire
from penstock.wire.dispatch import ATTEMPT_HEADER
from penstock.wire.flow_runs import BulkOrchestrated, BulkOrchestratedRuns, BulkSetState, FlowRun, Resume, SetState
from penstock.wire.model import Criteria, encode
from penstock.wire.states import (
    OrchestrationDetails,
    OrchestrationResult,
    OrchestrationStatus,
    State,
    StateCreate,
    StateDetails,
    StateType,
)

_ATTEMPT = ATTEMPT_HEADER.lower()
_WORKER = "x-prefect-worker-name"


@handles(wire.set_flow_run_state)
async def set_state(at: Request, body: SetState, id: UUID) -> Answer[OrchestrationResult]:
    """Proposes a state: 201 when the run is now in a state that this call wrote."""
    outcome = await propose(at, id, body.state, force=body.force)
    return Answer(outcome.result, 201 if outcome.written else 200)


def slot_terms(settings: Settings) -> store.SlotTerms:
    """What the settings say of slots of deployments' limits, and of the grace of cancelled runs."""
    asked = settings.server
    return store.SlotTerms(
        asked.deployments.concurrency_slot_wait_seconds,
        asked.concurrency.initial_deployment_lease_duration,
        asked.deployments.cancellation_grace_seconds,
    )


async def propose(at: Request, id: UUID, state: StateCreate, *, force: bool = False) -> store.Outcome:
    """Proposes a state for whoever sent the request, and tells who waits for what became of it."""
    attempt = at.header(_ATTEMPT)
    if attempt is not None and not attempt.isdigit():
        raise BadRequest(f"{ATTEMPT_HEADER} must be a whole number, not {attempt!r}.")
    proposal = store.Proposal(
        state,
        at.now,
        new_id(),
        force=force,
        client_version=at.client_version,
        attempt=None if attempt is None else int(attempt),
        worker=at.header(_WORKER) or UNNAMED,
        slots=slot_terms(at.settings),
    )
    outcome = await store.propose(at.store, id, proposal)
    announce(at.hub, outcome)
    return outcome


@handles(wire.bulk_set_state)
async def bulk_set_state(at: Request, body: BulkSetState) -> BulkOrchestratedRuns:
    """Proposes one state to all runs that a filter finds, at most 50."""
    criteria = Criteria(flow_runs=body.flow_runs, limit=body.limit)
    found = await at.store.scan(flow_runs.ids(select("flow_runs", criteria, at.store.dialect, most=MOST_IN_BULK)))
    results = []
    for id in found:
        result = (await propose(at, id, body.state, force=body.force)).result
        results.append(
            BulkOrchestrated(flow_run_id=id, status=result.status, details=result.details, state=result.state)
        )
    return BulkOrchestratedRuns(results=results)


@handles(wire.resume_flow_run)
async def resume(at: Request, body: Resume, id: UUID) -> Answer[OrchestrationResult]:
    """Lets a paused run go on, with its input where it waits for one."""
    try:
        known = await at.store.read(store.read_known(id))
    except NotFound:
        raise NotFound("Flow run not found") from None
    state = known.run.state
    if state is None or state.type is not StateType.PAUSED:
        return _refused(OrchestrationStatus.ABORT, "The run is not paused, so it can't be resumed.", None)
    keys = state.state_details.run_input_keyset
    if keys:
        problem = await _problem_of(at, known.run, keys, body.run_input or {})
        if problem is not None:
            return _refused(OrchestrationStatus.REJECT, f"Reason: {problem}", state)
    outcome = await propose(at, id, _going_on(state, at))
    if outcome.result.status is OrchestrationStatus.ACCEPT and keys and body.run_input is not None:
        await _keep_response(at, id, keys, body.run_input)
    return Answer(outcome.result, 201 if outcome.written else 200)


def _refused(status: OrchestrationStatus, reason: str, state: State | None) -> Answer[OrchestrationResult]:
    details = OrchestrationDetails(type="abort_details", reason=reason)
    return Answer(OrchestrationResult(state=state, status=status, details=details), 200)


def _going_on(state: State, at: Request) -> StateCreate:
    if state.state_details.pause_reschedule:
        details = StateDetails(scheduled_time=at.now)
        return StateCreate(type=StateType.SCHEDULED, name="Resuming", state_details=details)
    return StateCreate(type=StateType.RUNNING)


async def _problem_of(at: Request, run: FlowRun, keys: dict[str, str], given: dict[str, Any]) -> str | None:
    """What is wrong with the input of a run that waits for one; None when nothing is."""
    text = await at.store.read(flow_runs.read_input(run.id, keys["schema"])) if "schema" in keys else None
    if text is None:
        return None
    faults = unfit(msgspec.json.decode(text), given)
    return str(faults[0]) if faults else None


async def _keep_response(at: Request, id: UUID, keys: dict[str, str], given: dict[str, Any]) -> None:
    if "response" not in keys:
        return
    text = encode(given).decode()
    await at.store.write(flow_runs.add_input(new_id(), id, keys["response"], text, None, at.now))
