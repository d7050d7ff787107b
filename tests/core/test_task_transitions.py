"""The task-run rules as a table of what was seen on a Prefect 3.8.8 server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from penstock.core.task_transitions import TagLimit, TaskFacts, apply_task_state, decide_task_run
from penstock.core.verdicts import Verdict
from penstock.wire.states import State, StateCreate, StateDetails, StateType
from penstock.wire.task_runs import TaskRun, TaskRunPolicy

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
S = StateType


def state(kind: StateType, name: str | None = None, **more: object) -> State:
    return State(id=uuid4(), type=kind, name=name or kind.value.capitalize(), timestamp=NOW, **more)  # type: ignore[arg-type] # fields of a state


def task(kind: StateType, name: str | None = None, **fields: object) -> TaskRun:
    current = state(kind, name)
    run = TaskRun(
        id=uuid4(), name="t", task_key="k", dynamic_key="0", flow_run_id=uuid4(), state=current, state_type=kind
    )
    return structs.replace(run, **fields)


def decide(facts: TaskFacts, kind: StateType, **details: object) -> Verdict:
    proposed = StateCreate(type=kind, state_details=StateDetails(**details))  # type: ignore[arg-type] # details
    return decide_task_run(facts, proposed, force=False, now=NOW + timedelta(seconds=1), new_id=uuid4())


RUNNING_FLOW = state(S.RUNNING)


@pytest.mark.parametrize(
    ("facts", "kind", "status", "name"),
    [
        (TaskFacts(task(S.PENDING), RUNNING_FLOW), S.RUNNING, "ACCEPT", "Running"),
        (TaskFacts(task(S.PENDING), state(S.PENDING)), S.RUNNING, "ABORT", None),
        (TaskFacts(task(S.PENDING), None), S.RUNNING, "ABORT", None),
        (TaskFacts(task(S.PENDING), state(S.PAUSED)), S.RUNNING, "REJECT", "NotReady"),
        (TaskFacts(task(S.SCHEDULED, "AwaitingRetry", run_count=1), RUNNING_FLOW), S.RUNNING, "ACCEPT", "Retrying"),
        (TaskFacts(task(S.RUNNING, run_count=1), RUNNING_FLOW), S.RUNNING, "ACCEPT", "Rerunning"),
        (TaskFacts(task(S.FAILED), RUNNING_FLOW), S.CRASHED, "ABORT", None),
        (TaskFacts(task(S.CANCELLED), RUNNING_FLOW), S.PAUSED, "ABORT", None),
        (TaskFacts(task(S.RUNNING), RUNNING_FLOW), S.COMPLETED, "ACCEPT", "Completed"),
    ],
)
def test_verdicts_are_those_that_were_seen(facts: TaskFacts, kind: StateType, status: str, name: str | None) -> None:
    verdict = decide(facts, kind)
    assert (verdict.status, verdict.state.name if verdict.state else None) == (status, name)


def test_a_known_result_is_taken_from_the_cache() -> None:
    cached = state(S.COMPLETED, data=7)
    verdict = decide(TaskFacts(task(S.PENDING), RUNNING_FLOW, cached=cached), S.RUNNING, cache_key="k")
    assert verdict.state is not None
    assert (verdict.status, verdict.state.name, verdict.state.data) == ("REJECT", "Cached", 7)
    fresh = decide(
        TaskFacts(task(S.PENDING), RUNNING_FLOW, cached=cached), S.RUNNING, cache_key="k", refresh_cache=True
    )
    assert fresh.status == "ACCEPT"


@pytest.mark.parametrize(("size", "used", "status"), [(1, 0, "ACCEPT"), (1, 1, "WAIT"), (0, 0, "ABORT")])
def test_a_tag_gives_slots_while_it_has_any(size: int, used: int, status: str) -> None:
    limit = TagLimit(UUID(int=1), "db", size, used)
    assert decide(TaskFacts(task(S.PENDING), RUNNING_FLOW, tags=(limit,)), S.RUNNING).status == status


@pytest.mark.parametrize(("count", "seconds"), [(1, 1), (2, 5), (3, 5)])
def test_delays_of_retries_come_in_their_order(count: int, seconds: int) -> None:
    policy = TaskRunPolicy(retries=3, retry_delay=[1, 5])
    verdict = decide(TaskFacts(task(S.RUNNING, run_count=count, empirical_policy=policy), RUNNING_FLOW), S.FAILED)
    assert verdict.state is not None
    assert verdict.state.state_details.scheduled_time == NOW + timedelta(seconds=1 + seconds)


def test_what_can_not_be_retried_fails() -> None:
    run = task(S.RUNNING, run_count=1, empirical_policy=TaskRunPolicy(retries=3))
    assert decide(TaskFacts(run, RUNNING_FLOW), S.FAILED, retriable=False).status == "ACCEPT"


def test_a_task_that_runs_again_counts_from_one() -> None:
    ended = structs.replace(task(S.FAILED), run_count=4, end_time=NOW, start_time=NOW)
    after = apply_task_state(ended, state(S.RUNNING), flow_run_count=2, now=NOW)
    assert (after.run_count, after.flow_run_run_count, after.end_time) == (1, 2, None)
