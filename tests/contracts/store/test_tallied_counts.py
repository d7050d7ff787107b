"""What is asked of runs and events over long times is answered the same with tallies as without, at every moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from penstock.clock import to_micros
from penstock.core.event_filters import read_filter
from penstock.core.tallied_spans import HOUR, Bars
from penstock.store import event_counts, flow_runs, run_charts, task_runs
from penstock.store.database import Database, Steps
from penstock.store.event_selection import select_events
from penstock.store.events import record
from penstock.store.filters import select
from penstock.store.retention import forget_events
from penstock.store.statements import statement
from penstock.store.tallied_counts import number_of
from penstock.store.tallied_filters import tallied
from penstock.store.tallies import NOUNS, announce, changed_hours, tally
from penstock.store.task_events import record_task_events
from penstock.wire.events import ReceivedEvent
from penstock.wire.model import Criteria
from penstock.wire.states import StateType as S
from tests.contracts.store.test_flow_runs import NOW, World
from tests.contracts.store.test_tallies import LATER, Between, tally_all

WINDOWS = ((-40.0, 12.0), (-6.0, 0.0), (-5.97, -1.31), (-3.2, -3.1))
"""From when to when something is asked for, in hours from now on."""
FAILED = {"state": {"type": {"any_": ["FAILED"]}}}
UNSCHEDULED = {"state": {"name": {"not_any_": ["Scheduled"]}}}
KINDS = ("PENDING", "RUNNING", "COMPLETED", "FAILED")


def moment(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


class Runs:
    """What is asked of runs of either kind."""

    noun = ""
    asked: tuple[Mapping[str, Any], ...] = ({}, FAILED)

    def __init__(self, db: Database) -> None:
        self.db = db

    async def answers(self, *, known: bool) -> list[Any]:
        """All answers, with the help of tallies or without it."""
        found: list[Any] = []
        for asked in self.asked:
            found.append(await self._number({self.noun: asked}, known))
            for begin, end in WINDOWS:
                window = {"start_time": {"after_": str(moment(begin)), "before_": str(moment(end))}}
                found.append(await self._number({self.noun: {**window, **asked}}, known))
                found.append(await self._history({self.noun: asked}, begin, end, known))
        return found

    async def _number(self, asked: Mapping[str, Any], known: bool) -> int:
        criteria, dialect = Criteria(**asked), self.db.dialect
        tallies = tallied(self.noun, criteria, dialect)
        assert tallies is not None, "the tallies can't answer this"
        return await self.db.scan(number_of(select(self.noun, criteria, dialect), tallies if known else None))

    async def _history(self, asked: Mapping[str, Any], begin: float, end: float, known: bool) -> list[Any]:
        criteria, dialect = Criteria(**asked), self.db.dialect
        first, last = to_micros(moment(begin)), to_micros(moment(end))
        bars = Bars(first, (last - first) // 17, first, last)
        tallies = tallied(self.noun, criteria, dialect) if known else None
        rows = await self.db.scan(run_charts.history(select(self.noun, criteria, dialect), tallies, bars, LATER))
        return [
            (one.state_name, one.count_runs, round(one.sum_estimated_run_time, 4), round(one.sum_estimated_lateness, 4))
            for bar in rows
            for one in bar.states
        ]


class FlowRuns(Runs):
    noun, asked = "flow_runs", ({}, FAILED, UNSCHEDULED)

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.world = World(db)
        self.made = 0

    async def make(self, hours: float) -> UUID:
        if not self.made:
            await self.world.begin()
        self.made += 1
        id = (await self.world.run(due=round(hours * 3600))).run.id
        for kind in (S.PENDING, S.FAILED)[: self.made % 3]:
            await self.world.propose(id, kind, force=True)
        return id

    async def change(self, id: UUID) -> None:
        """It begins now, not when it was due."""
        await self.world.propose(id, S.RUNNING, force=True)

    async def delete(self, id: UUID) -> None:
        await self.db.write(flow_runs.delete(id))


class TaskRuns(Runs):
    noun = "task_runs"

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.began: dict[UUID, float] = {}

    async def make(self, hours: float) -> UUID:
        id = uuid4()
        self.began[id] = hours
        await self._tell(id, KINDS[len(self.began) % len(KINDS)], hours)
        return id

    async def change(self, id: UUID) -> None:
        """It fails, and began a little later than was told at first: in the next hour."""
        await self._tell(id, "FAILED", self.began[id] + 1)

    async def delete(self, id: UUID) -> None:
        await self.db.write(task_runs.delete(id))

    async def _tell(self, id: UUID, kind: str, hours: float) -> None:
        due, began = moment(hours - 0.02).isoformat(), moment(hours).isoformat()
        told = {"task_key": "k", "dynamic_key": str(id), "expected_start_time": due, "total_run_time": 0.123}
        event = ReceivedEvent(
            id=uuid4(),
            occurred=NOW + timedelta(seconds=kind == "FAILED"),
            received=NOW,
            event=f"prefect.task-run.{kind.capitalize()}",
            resource={"prefect.resource.id": f"prefect.task-run.{id}", "prefect.orchestration": "client"},
            related=[],
            payload={
                "validated_state": {"type": kind, "name": kind.capitalize()},
                "task_run": told | ({} if kind == "PENDING" else {"start_time": began}),
            },
        )
        await self.db.write(record_task_events([event], NOW))


class Events:
    noun = "events"
    asked: tuple[Mapping[str, Any], ...] = (
        {},
        {"event": {"prefix": ["a."]}},
        {"event": {"name": ["a.0", "b.*"], "exclude_name": ["b.1"]}},
    )

    def __init__(self, db: Database) -> None:
        self.db = db
        self.made = 0

    async def answers(self, *, known: bool) -> list[Any]:
        found: list[Any] = []
        for asked in self.asked:
            for begin, end in WINDOWS:
                since, until = moment(begin), moment(end)
                window = {"occurred": {"since": since.isoformat(), "until": until.isoformat()}}
                selection = select_events(read_filter({**asked, **window}), self.db.dialect, since, until)
                assert event_counts.tallied_events(selection), "the tallies can't answer this"
                if not known:
                    selection = replace(selection, named="", where=f"{selection.where} and true")
                found.append(await self.db.scan(event_counts.count_events(selection)))
                found.append(await self.db.scan(event_counts.count_by_name(selection)))
                span = (until - since) / 17
                found.append(await self.db.scan(event_counts.count_by_time(selection, since, span, 18)))
        return found

    async def make(self, hours: float) -> UUID:
        self.made += 1
        event = ReceivedEvent(
            id=uuid4(),
            occurred=moment(hours),
            received=NOW,
            event=f"{'ab'[self.made % 2]}.{self.made % 3}",
            resource={"prefect.resource.id": "r"},
            related=[],
            payload={},
        )
        await self.db.write(record([event, event]))
        return event.id

    async def change(self, id: UUID) -> None:
        """Events do not change: the oldest is forgotten."""
        assert await self.db.write(forget_events(NOW, 1)) == 1

    async def delete(self, id: UUID) -> None:
        assert await self.db.write(forget_events(moment(-3), 2)) == 2


Noun = FlowRuns | TaskRuns | Events
Make = Callable[[Database], Noun]
TALLIES = {"flow_runs": "flow_run_tallies", "task_runs": "task_run_tallies", "events": "event_tallies"}
every_noun = pytest.mark.parametrize("make", [FlowRuns, TaskRuns, Events], ids=lambda one: one.noun)


async def a_past(noun: Noun) -> list[UUID]:
    """Rows of several hours, of the present one, and of one to come."""
    return [await noun.make(-0.37 * number) for number in range(-1, 20)]


async def same(noun: Noun) -> None:
    assert await noun.answers(known=True) == await noun.answers(known=False)


@every_noun
async def test_answers_are_the_same_with_tallies_as_without(db: Database, make: Make) -> None:
    noun = make(db)
    await a_past(noun)
    await same(noun)
    assert await tally_all(db) > 5
    await same(noun)


@every_noun
async def test_answers_about_hours_that_are_over_come_from_tallies(db: Database, make: Make) -> None:
    noun = make(db)
    await a_past(noun)
    await tally_all(db)
    counted = "events" if noun.noun == "events" else "runs"
    await db.write(_run(f"update {TALLIES[noun.noun]} set {counted} = {counted} + 1"))
    told, seen = await noun.answers(known=True), await noun.answers(known=False)
    assert sum(one != other for one, other in zip(told, seen, strict=True)) > len(told) / 2


def _run(text: str) -> Steps[None]:
    yield statement("run", text)()


@every_noun
async def test_whatever_happens_to_what_was_tallied_is_seen_at_once(db: Database, make: Make) -> None:
    noun = make(db)
    rows = await a_past(noun)
    await tally_all(db)
    happenings: list[Awaitable[Any]] = [
        noun.change(rows[12]),
        noun.make(-5.01),
        noun.delete(rows[9]),
        noun.make(-25),
        noun.make(-4),
    ]
    for one in happenings:
        await one
        await same(noun)
        assert await db.scan(changed_hours(100)) != []
    await tally_all(db)
    assert await db.scan(changed_hours(100)) == []
    await same(noun)


@every_noun
async def test_an_hour_that_changes_while_it_is_counted_is_counted_again(db: Database, make: Make) -> None:
    noun = make(db)
    await noun.make(-5)
    await announce(db, noun.noun, 0, LATER, 1)
    ((name, hour),) = await db.scan(changed_hours(10))
    assert (name, hour) == (noun.noun, to_micros(moment(-5)) // HOUR * HOUR)
    between = Between(db, lambda: noun.make(-4.9))
    assert not await tally(between, name, hour)  # type: ignore[arg-type]  # has what it needs of one
    await same(noun)
    assert await tally(db, name, hour)
    await same(noun)


@every_noun
async def test_what_is_gone_leaves_no_tallies(db: Database, make: Make) -> None:
    noun = make(db)
    await a_past(noun)
    await tally_all(db)
    await db.write(_run(f"delete from {noun.noun}"))
    await tally_all(db)
    kept = statement(
        "kept", f"select (select count(*) from {TALLIES[noun.noun]}), count(*) from tallied_hours where noun = :noun"
    )

    def steps() -> Steps[tuple[int, int]]:
        return tuple((yield kept(noun=noun.noun))[0])  # type: ignore[return-value]  # a row of two

    assert await db.read(steps()) == (0, 0)
    assert set(TALLIES) == set(NOUNS)
