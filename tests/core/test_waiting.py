"""A run says why it is not running: the first thing that stands in its way, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed_state

from penstock.core.waiting import QueueStanding, SlotStanding, Standing, why
from penstock.ids import new_id
from penstock.wire.states import State, StateDetails, StateType

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEDULED = State(id=new_id(), type=StateType.SCHEDULED, timestamp=NOW, name="Scheduled")
FREE = {
    "pool": "p",
    "pool_type": "process",
    "pool_paused": False,
    "pool_limit": None,
    "pool_active": 0,
    "workers": 1,
    "queue": "default",
    "paused": False,
    "limit": None,
    "active": 0,
    "polled": NOW,
    "ahead": 0,
}
NEVER = {"workers": 0, "polled": None}


def standing(queue: dict[str, Any] | None = None, **run: Any) -> Standing:
    """A due run in a free pool, but for what is said."""
    place = None if queue is None else QueueStanding(**{**FREE, **queue})
    return Standing(**{"run_id": SCHEDULED.id, "state": SCHEDULED, "due": NOW, "queue": place, **run})


def in_state(kind: StateType, **fields: Any) -> State:
    return changed_state(SCHEDULED, type=kind, name=kind.value.title(), **fields)


LATER = NOW + timedelta(minutes=5)
FULL = SlotStanding(deployment="d", limit=1, taken=1)
CASES = [
    (standing({}), "free", "Nothing holds it back: a worker of 'p' takes it as soon as it has room."),
    (standing({"ahead": 3}), "in_line", "Nothing holds it back; 3 runs are before it in line."),
    (standing({}, due=LATER), "not_due", "It is due at 2026-01-01 12:05:00 UTC, in 5 min."),
    (standing({}, in_process=True, due=LATER), "retry_in_process", "Its own process tries it again at"),
    (standing({"pool_paused": True, "paused": True}), "pool_paused", "Its work pool 'p' is paused."),
    (standing({"paused": True}), "queue_paused", "Its work queue 'default' of work pool 'p' is paused."),
    (standing({"pool_limit": 2, "pool_active": 2}), "pool_full", "Its work pool 'p' runs at most 2 (2 now) at once"),
    (standing({"limit": 0}), "queue_full", "Its work queue 'default' runs at most 0 (0 now) at once"),
    (standing({}, slots=FULL), "deployment_full", "Its deployment 'd' runs at most 1 (1 now) at once."),
    (standing(NEVER), "no_worker", "No worker is online in work pool 'p'; it was never polled."),
    (standing({"polled": None, "queue": "fast"}), "queue_unpolled", "The workers of 'p' do not take runs of the"),
    (standing({**NEVER, "pool_type": "prefect-agent"}), "no_agent", "No agent polls the work pool 'p'"),
    (standing({**NEVER, "pool_type": "ecs:push"}), "pushed_soon", "The server starts the runs of 'p' itself."),
    (standing(None), "no_pool", "It is in no work pool, and no process serves its deployment"),
    (standing(None, deployment_polled=NOW), "served", "The process that serves its deployment polls"),
    (standing({}, state=None), "no_state", "The run has no state yet"),
    (
        standing({}, state=in_state(StateType.PENDING), holder="claim:w1", lease_until=NOW + timedelta(seconds=20)),
        "starting",
        "'w1' is starting its job since 2026-01-01 12:00:00 UTC; if it falls silent, the run is offered again in 20 s.",
    ),
    (
        standing({}, state=in_state(StateType.PAUSED, state_details=StateDetails(pause_timeout=LATER))),
        "paused",
        "It is paused since 2026-01-01 12:00:00 UTC and waits to be resumed; at 2026-01-01 12:05:00 UTC it fails.",
    ),
    (standing({}, state=in_state(StateType.CANCELLING)), "cancelling", "It is being cancelled"),
    (standing({}, state=in_state(StateType.RUNNING)), "running", "It is running since"),
    (
        standing({}, state=in_state(StateType.CRASHED, message="Out of memory.")),
        "ended",
        "It ended crashed at 2026-01-01 12:00:00 UTC: Out of memory.",
    ),
]


@pytest.mark.parametrize(("given", "code", "sentence"), CASES, ids=[case[1] for case in CASES])
def test_the_first_obstacle_is_named(given: Standing, code: str, sentence: str) -> None:
    found = why(given, NOW)
    assert found.code == code
    assert found.sentence.startswith(sentence)


def test_a_switched_off_limit_holds_nothing_back() -> None:
    off = SlotStanding(deployment="d", limit=1, taken=1, enforced=False)
    assert why(standing({}, slots=off), NOW).code == "free"


def test_advice_is_a_command_that_can_be_pasted() -> None:
    assert why(standing({"pool_paused": True}), NOW).advice == "penstock work-pool resume 'p'"
    assert why(standing(NEVER), NOW).advice == "penstock worker start --pool 'p'"
