"""Who may be claimed, and what happens to a run whose lease ran out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.admission import PoolLoad, QueueLoad, in_turn
from penstock.core.leases import PENDING_LEASE, UNNAMED, Lease, claimed_by, lease_after, polled_by, rescue
from penstock.core.losses import LossTerms
from penstock.wire.states import State, StateType

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = StateType


def queue(id: str, priority: int, *, limit: int | None = None, active: int = 0, paused: bool = False) -> QueueLoad:
    return QueueLoad(id, priority, paused, limit, active)


def test_queues_come_by_priority_and_those_without_room_not_at_all() -> None:
    queues = (queue("b", 2), queue("a", 1), queue("full", 1, limit=1, active=1), queue("paused", 1, paused=True))
    pool = PoolLoad("p", False, None, queues)
    assert [one.id for one in in_turn(pool, None)] == ["a", "b"]
    assert [one.id for one in in_turn(pool, ["b", "full"])] == ["b"]


@given(st.none() | st.integers(0, 20), st.lists(st.integers(0, 9), max_size=4), st.integers(0, 30), st.booleans())
def test_a_pool_never_hands_out_more_than_its_limit(
    limit: int | None, active: list[int], wanted: int, paused: bool
) -> None:
    queues = tuple(queue(str(n), n, active=count) for n, count in enumerate(active))
    room = PoolLoad("p", paused, limit, queues).room(wanted)
    assert 0 <= room <= wanted
    assert not (paused and room)
    if limit is not None and room:
        assert sum(active) + room <= limit


def state(kind: StateType, name: str | None = None) -> State:
    return State(id=uuid4(), type=kind, timestamp=NOW, name=name or kind.value.capitalize())


CLAIMED = Lease(claimed_by("w"), NOW, 3)


@pytest.mark.parametrize("kind", [S.COMPLETED, S.FAILED, S.CANCELLED, S.CRASHED, S.SCHEDULED])
def test_whoever_ends_a_run_holds_it_no_longer(kind: StateType) -> None:
    assert lease_after(CLAIMED, state(kind), in_process=False, worker=None, now=NOW) == Lease(None, None, 3)


@pytest.mark.parametrize("kind", [S.PENDING, S.RUNNING, S.CANCELLING, S.PAUSED])
def test_a_claim_holds_while_its_process_lives(kind: StateType) -> None:
    assert lease_after(CLAIMED, state(kind), in_process=False, worker=None, now=NOW) == CLAIMED


def test_a_process_that_waits_for_its_retry_keeps_its_claim() -> None:
    waits = state(S.SCHEDULED, "AwaitingRetry")
    assert lease_after(CLAIMED, waits, in_process=True, worker=None, now=NOW) == CLAIMED


def test_a_polling_worker_is_given_the_next_attempt_once() -> None:
    taken = lease_after(Lease(None, None, 0), state(S.PENDING), in_process=False, worker="w", now=NOW)
    assert (taken.holder, taken.attempt) == (polled_by("w"), 1)
    renamed = lease_after(taken, state(S.PENDING, "Submitting"), in_process=False, worker="w", now=NOW)
    assert renamed.attempt == 1
    running = lease_after(taken, state(S.RUNNING), in_process=False, worker="w", now=NOW)
    assert running.expires_at is None


def test_a_worker_that_does_not_say_its_name_holds_the_run_too() -> None:
    taken = lease_after(Lease(None, None, 4), state(S.PENDING), in_process=False, worker=UNNAMED, now=NOW)
    assert taken == Lease(polled_by(UNNAMED), NOW + PENDING_LEASE, 5)
    named = Lease(polled_by("w"), NOW, 5)
    kept = lease_after(named, state(S.PENDING, "Submitting"), in_process=False, worker=UNNAMED, now=NOW)
    assert (kept.holder, kept.attempt) == (polled_by("w"), 5)


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [(S.PENDING, S.SCHEDULED), (S.RUNNING, S.CRASHED), (S.CANCELLING, S.CANCELLED), (S.COMPLETED, None)],
)
def test_a_lost_run_is_offered_again_or_ended_with_a_reason(kind: StateType, becomes: StateType | None) -> None:
    lost = rescue(state(kind), claimed_by("w"), NOW, NOW + timedelta(seconds=1), LossTerms())
    assert (lost.type if lost else None) == becomes
    assert lost is None or (lost.message and "'w'" in lost.message)
