"""The flow-run rules as tables of what was seen on a Prefect 3.8.8 server, and as properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from penstock.core.states import TERMINAL
from penstock.core.transitions import DeploymentLimit, Facts, apply_state, decide_flow_run
from penstock.core.verdicts import Verdict
from penstock.wire.flow_runs import FlowRun, FlowRunPolicy
from penstock.wire.states import OrchestrationStatus, State, StateCreate, StateDetails, StateType

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
S = StateType
RESULT = {"type": "json", "value": 1}


def run_in(state: StateType | None, name: str | None = None, **fields: object) -> FlowRun:
    """A run in a state; `details`, `data` and `timestamp` belong to the state, all else to the run."""
    details = fields.pop("details", StateDetails())
    data = fields.pop("data", None)
    current = None
    if state is not None:
        current = State(
            id=uuid4(),
            type=state,
            name=name or state.value.capitalize(),
            timestamp=NOW - timedelta(seconds=10),
            state_details=details,  # type: ignore[arg-type] # a test's keyword
            data=data,
        )
    return FlowRun(
        id=uuid4(),
        name="r",
        flow_id=uuid4(),
        state=current,
        state_id=current.id if current else None,
        state_type=state,
        state_name=current.name if current else None,
        **fields,  # type: ignore[arg-type] # fields of a run
    )


def decide(
    run: FlowRun, proposed: StateCreate, *, force: bool = False, limit: DeploymentLimit | None = None, live: bool = True
) -> Verdict:
    return decide_flow_run(Facts(run, limit, live), proposed, force=force, now=NOW, new_id=uuid4())


def to(kind: StateType, name: str | None = None, **details: object) -> StateCreate:
    return StateCreate(type=kind, name=name, state_details=StateDetails(**details))  # type: ignore[arg-type] # details


IN_AN_HOUR = NOW + timedelta(hours=1)
A_DEPLOYMENT = UUID(int=7)

SEEN = [
    # current, proposed, verdict, type written
    (run_in(S.PENDING), to(S.PENDING), "ABORT", None),
    (run_in(S.PENDING), to(S.PENDING, "Submitting"), "ACCEPT", S.PENDING),
    (run_in(S.PENDING, "Submitting"), to(S.PENDING), "ABORT", None),
    (run_in(S.PENDING, "Submitting"), to(S.PENDING, "InfrastructurePending"), "ACCEPT", S.PENDING),
    (run_in(S.PENDING, "InfrastructurePending"), to(S.RUNNING), "ACCEPT", S.RUNNING),
    (run_in(S.RUNNING), to(S.RUNNING), "ACCEPT", S.RUNNING),
    (run_in(S.RUNNING), to(S.PENDING), "ABORT", None),
    (run_in(S.PAUSED), to(S.PENDING), "REJECT", None),
    (run_in(S.PAUSED), to(S.RUNNING), "ACCEPT", S.RUNNING),
    (run_in(S.PAUSED), to(S.CANCELLING), "ACCEPT", S.CANCELLING),
    (run_in(S.RUNNING), to(S.PAUSED, "Suspended", pause_reschedule=True), "ABORT", None),
    (run_in(S.PENDING), to(S.PAUSED, "Suspended", pause_reschedule=True), "REJECT", None),
    (run_in(S.CANCELLING), to(S.RUNNING), "REJECT", None),
    (run_in(S.CANCELLING), to(S.COMPLETED), "REJECT", None),
    (run_in(S.CANCELLING), to(S.PENDING), "REJECT", None),
    (run_in(S.CANCELLING), to(S.CANCELLED), "ACCEPT", S.CANCELLED),
    (run_in(S.CANCELLED), to(S.PENDING), "ABORT", None),
    (run_in(S.CANCELLED), to(S.SCHEDULED), "ABORT", None),
    (run_in(S.CANCELLED), to(S.RUNNING), "ACCEPT", S.RUNNING),
    (run_in(S.CANCELLED), to(S.CRASHED), "ABORT", None),
    (run_in(S.COMPLETED, data=RESULT), to(S.RUNNING), "REJECT", None),
    (run_in(S.COMPLETED, data=RESULT), to(S.COMPLETED), "REJECT", None),
    (run_in(S.COMPLETED), to(S.FAILED), "ACCEPT", S.FAILED),
    (run_in(S.COMPLETED, deployment_id=A_DEPLOYMENT), to(S.SCHEDULED), "ACCEPT", S.SCHEDULED),
    (run_in(S.SCHEDULED, details=StateDetails(scheduled_time=IN_AN_HOUR)), to(S.PENDING), "ACCEPT", S.PENDING),
    (run_in(S.PENDING, details=StateDetails(scheduled_time=IN_AN_HOUR)), to(S.RUNNING), "WAIT", None),
    (run_in(S.SCHEDULED), to(S.CANCELLING), "REJECT", S.CANCELLED),
    (run_in(S.SCHEDULED, infrastructure_pid="1"), to(S.CANCELLING), "ACCEPT", S.CANCELLING),
    (run_in(S.SCHEDULED, "Resuming", infrastructure_pid="1"), to(S.CANCELLING), "REJECT", S.CANCELLED),
    (run_in(S.PENDING), to(S.COMPLETED), "ACCEPT", S.COMPLETED),
    (run_in(S.RUNNING), to(S.SCHEDULED, "Late"), "REJECT", None),
    (run_in(S.SCHEDULED, "Late"), to(S.SCHEDULED, "Late"), "REJECT", None),
    (run_in(S.SCHEDULED), to(S.SCHEDULED, "Late"), "ACCEPT", S.SCHEDULED),
]


@pytest.mark.parametrize(("run", "proposed", "status", "written"), SEEN)
def test_verdicts_are_those_that_were_seen(
    run: FlowRun, proposed: StateCreate, status: str, written: StateType | None
) -> None:
    verdict = decide(run, proposed)
    assert verdict.status == status
    assert (verdict.state.type if verdict.state else None) == written


def test_a_transition_that_comes_twice_happens_once() -> None:
    same = uuid4()
    run = run_in(S.COMPLETED, details=StateDetails(transition_id=same))
    assert decide(run, to(S.COMPLETED, transition_id=same)).reason == "This transition has been made before."


def test_a_failure_with_tries_left_waits_for_the_next_one() -> None:
    run = run_in(S.RUNNING, run_count=1, empirical_policy=FlowRunPolicy(retries=1, retry_delay=2))
    verdict = decide(run, StateCreate(type=S.FAILED, message="x"))
    assert verdict.state is not None
    assert verdict.policy is not None
    assert (verdict.state.name, verdict.state.message) == ("AwaitingRetry", "x")
    assert verdict.state.state_details.scheduled_time == NOW + timedelta(seconds=2)
    assert verdict.policy.retry_type == "in_process"
    assert decide(structs.replace(run, run_count=2), to(S.FAILED)).status == "ACCEPT"


def test_a_pause_key_fires_once() -> None:
    run = run_in(S.RUNNING)
    first = decide(run, to(S.PAUSED, pause_key="k"))
    assert first.policy is not None
    assert first.policy.pause_keys == ["k"]
    again = structs.replace(run, empirical_policy=first.policy)
    assert decide(again, to(S.PAUSED, pause_key="k")).reason == "The run has met this pause before."


def test_a_pause_whose_time_is_over_can_only_fail() -> None:
    run = run_in(S.PAUSED, details=StateDetails(pause_timeout=NOW - timedelta(seconds=1)))
    verdict = decide(run, to(S.RUNNING))
    assert verdict.state is not None
    assert (verdict.status, verdict.state.type) == ("REJECT", S.FAILED)


@pytest.mark.parametrize(
    ("limit", "status", "written"),
    [
        (DeploymentLimit(1, 0), "ACCEPT", "Pending"),
        (DeploymentLimit(1, 1), "REJECT", "AwaitingConcurrencySlot"),
        (DeploymentLimit(1, 1, cancel_new=True), "REJECT", "Cancelled"),
        (DeploymentLimit(0, 0), "ABORT", None),
    ],
)
def test_a_limited_deployment_gives_slots_while_it_has_any(
    limit: DeploymentLimit, status: str, written: str | None
) -> None:
    verdict = decide(run_in(S.SCHEDULED, deployment_id=A_DEPLOYMENT), to(S.PENDING), limit=limit)
    assert (verdict.status, verdict.state.name if verdict.state else None) == (status, written)
    lease = verdict.state.state_details.deployment_concurrency_lease_id if verdict.state else None
    assert verdict.slots.take == (lease if status == "ACCEPT" else None)


@pytest.mark.parametrize("target", [S.COMPLETED, S.FAILED, S.CRASHED, S.PAUSED, S.CANCELLED, S.SCHEDULED])
def test_whoever_leaves_gives_the_slot_back(target: StateType) -> None:
    lease = uuid4()
    run = run_in(S.RUNNING, details=StateDetails(deployment_concurrency_lease_id=lease), deployment_id=A_DEPLOYMENT)
    assert decide(run, to(target)).slots.release == lease


def test_a_retry_in_the_same_process_keeps_its_slot() -> None:
    lease = uuid4()
    details = StateDetails(deployment_concurrency_lease_id=lease)
    run = run_in(S.RUNNING, details=details, run_count=1, empirical_policy=FlowRunPolicy(retries=3))
    verdict = decide(run, to(S.FAILED))
    assert verdict.state is not None
    assert verdict.slots.release is None
    assert verdict.state.state_details.deployment_concurrency_lease_id == lease


def test_a_slot_whose_lease_ran_out_is_taken_again_or_the_run_is_cancelled() -> None:
    run = run_in(S.PENDING, details=StateDetails(deployment_concurrency_lease_id=uuid4()), deployment_id=A_DEPLOYMENT)
    taken = decide(run, to(S.RUNNING), limit=DeploymentLimit(1, 0), live=False)
    assert taken.slots.take is not None
    full = decide(run, to(S.RUNNING), limit=DeploymentLimit(1, 1), live=False)
    assert full.state is not None
    assert full.state.type is S.CANCELLED


kinds = st.sampled_from(list(StateType))
runs = st.builds(
    lambda kind, deployed, pid, retries, count: run_in(
        kind,
        deployment_id=A_DEPLOYMENT if deployed else None,
        infrastructure_pid="1" if pid else None,
        empirical_policy=FlowRunPolicy(retries=retries),
        run_count=count,
    ),
    kinds,
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 3),
    st.integers(0, 5),
)


@given(runs, kinds, st.booleans())
def test_what_is_written_is_one_of_the_named_outcomes(run: FlowRun, kind: StateType, force: bool) -> None:
    verdict = decide(run, to(kind), force=force)
    if verdict.status in (OrchestrationStatus.WAIT, OrchestrationStatus.ABORT):
        assert verdict.state is None
    if verdict.status is OrchestrationStatus.ACCEPT:
        assert verdict.state is not None
        assert verdict.state.type is kind
    if verdict.state is not None:
        assert verdict.state.timestamp > (run.state.timestamp if run.state else NOW - timedelta(days=1))
        assert verdict.state.state_details.flow_run_id == run.id


@given(runs, kinds)
def test_an_ended_run_is_left_only_to_run_again_or_be_corrected(run: FlowRun, kind: StateType) -> None:
    if run.state_type not in TERMINAL:
        return
    verdict = decide(run, to(kind))
    if verdict.state is not None:
        assert verdict.state.type not in (S.PAUSED, S.CANCELLING, S.CRASHED)


@given(runs, st.lists(kinds, max_size=12))
def test_bookkeeping_never_contradicts_itself(run: FlowRun, proposals: list[StateType]) -> None:
    now = NOW
    for kind in proposals:
        now += timedelta(seconds=1)
        verdict = decide_flow_run(Facts(run), to(kind), force=True, now=now, new_id=uuid4())
        if verdict.state is None:
            continue
        before = run
        run = apply_state(run, verdict.state, policy=verdict.policy, now=now)
        assert (run.end_time is not None) == (run.state_type in TERMINAL)
        assert run.run_count - before.run_count in (0, 1)
        assert run.total_run_time >= before.total_run_time
        assert (run.next_scheduled_start_time is not None) == (run.state_type is S.SCHEDULED)
        assert run.start_time is None or run.end_time is None or run.start_time <= run.end_time


@pytest.mark.parametrize(
    ("before", "resuming", "counted"),
    [(S.PENDING, False, 1), (S.PENDING, True, 0), (S.PAUSED, False, 0), (S.RUNNING, False, 1)],
)
def test_going_on_after_a_pause_is_no_new_run(before: StateType, resuming: bool, counted: int) -> None:
    run = run_in(before, empirical_policy=FlowRunPolicy(resuming=resuming))
    state = State(id=uuid4(), type=S.RUNNING, timestamp=NOW, name="Running")
    assert apply_state(run, state, now=NOW).run_count == counted
