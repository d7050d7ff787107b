"""Whatever is proposed, claimed, renewed, left to lapse and deleted: slots are live leases, no more than there are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.clock import to_micros
from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.store import claims, flow_run_states, flow_runs, limits, migrations
from penstock.store.database import Steps
from penstock.store.flow_run_states import Proposal, SlotTerms
from penstock.store.overdue import lapsed_leases, rescue_run
from penstock.store.sqlite import SqliteDatabase
from penstock.store.statements import statement
from penstock.wire.states import StateCreate, StateType
from tests.contracts.store.test_flow_runs import NOW, World

T = TypeVar("T")
ENDED = {StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED}
LIVE = statement("live", "select holder_id, slots from limit_leases where expires_at > :now")
SLOTS = 2
GRACE = 60


def _live(now: int) -> Steps[list[tuple[str, int]]]:
    return [(row[0], row[1]) for row in (yield LIVE(now=now))]


class Slots(RuleBasedStateMachine):
    """Two limited deployments' runs in any order of events."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = NOW
        self.runs: list[UUID] = []
        self.taken: list[tuple[UUID, int]] = []

    def do(self, work: Awaitable[T]) -> T:
        async def whole() -> T:
            return await work

        return self.runner.run(whole())

    @initialize(cancel_new=st.booleans())
    def begin(self, cancel_new: bool) -> None:
        self.db = SqliteDatabase(":memory:")
        self.do(self.db.open())
        self.do(migrations.upgrade(self.db))
        self.world = World(self.db)
        self.do(self.world.begin())
        self.deployment = self.do(self.world.deploy("d", limit=SLOTS, cancel_new=cancel_new))

    @rule()
    def create(self) -> None:
        self.runs.append(self.do(self.world.run(deployment=self.deployment)).run.id)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), kind=st.sampled_from(list(StateType)), force=st.booleans())
    def propose(self, data: Any, kind: StateType, force: bool) -> None:
        proposal = Proposal(StateCreate(type=kind), self.now, new_id(), force=force, slots=SlotTerms(5, GRACE))
        try:
            self.do(flow_run_states.propose(self.db, data.draw(st.sampled_from(self.runs)), proposal))
        except NotFound:
            return

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        wanted = claims.Claim("w", limit, 30, self.now, {}, SlotTerms(5, GRACE))
        claimed = self.do(self.db.write(claims.of_pool("p", [], wanted, "sqlite", new_id)))
        self.taken += [(one.run.id, one.attempt) for one in claimed.taken]

    @rule()
    def renew(self) -> None:
        lost = self.do(self.db.write(claims.renew(claims.Renewal("w", self.taken, 30), self.now))).lost
        self.taken = [one for one in self.taken if one[0] not in lost]

    @rule(seconds=st.sampled_from([1, 29, 31, 61, 400]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def take_back(self) -> None:
        for id in self.do(self.db.scan(lapsed_leases(self.now, 100))).ids:
            self.do(self.db.write(rescue_run(id, self.now, new_id(), "sqlite")))
        self.do(self.db.write(limits.forget_lapsed_leases(self.now)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        id = data.draw(st.sampled_from(self.runs))
        self.runs.remove(id)
        self.do(self.db.write(flow_runs.delete(id)))

    @invariant()
    def slots_are_live_leases(self) -> None:
        if not hasattr(self, "deployment"):
            return
        held = self.do(self.db.read(_live(to_micros(self.now))))
        record = self.do(self.db.read(limits.by_name(f"deployment:{self.deployment}", self.now)))
        assert record is not None
        assert record.limit.used(self.now) == sum(slots for _, slots in held)

    @invariant()
    def no_slot_is_held_twice_or_by_what_has_ended(self) -> None:
        if not hasattr(self, "deployment"):
            return
        holders = [UUID(id) for id, _ in self.do(self.db.read(_live(to_micros(self.now))))]
        assert len(set(holders)) == len(holders)
        assert set(holders) <= set(self.runs)
        for id in holders:
            assert self.do(self.db.read(flow_run_states.read_known(id))).run.state_type not in ENDED

    @invariant()
    def no_more_slots_are_held_than_there_are(self) -> None:
        if hasattr(self, "deployment"):
            assert len(self.do(self.db.read(_live(to_micros(self.now))))) <= SLOTS

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.do(self.db.close())
        self.runner.close()


TestSlots = Slots.TestCase
TestSlots.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)
