"""The recorder: nothing accepted is lost, nothing is kept twice, a bad event holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from penstock.errors import InvalidRequest, Unavailable
from penstock.ids import new_id
from penstock.server import recorder as module
from penstock.server.broadcast import Broadcast
from penstock.server.recorder import Recorder
from penstock.server.sink import keep_events
from penstock.store.database import Database, Intent, Steps, intent
from penstock.store.event_feed import Place, read_after
from penstock.wire.events import ReceivedEvent

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def event(name: str = "my.event", id: UUID | None = None) -> ReceivedEvent:
    return ReceivedEvent(
        occurred=NOW, event=name, resource={"prefect.resource.id": "a.b"}, id=id or new_id(), received=NOW
    )


async def stored(db: Database) -> list[str]:
    docs, _ = await db.read(read_after(Place(0), 100_000))
    return docs


def failing(fails: Callable[[Sequence[ReceivedEvent]], Exception | None]) -> Callable[..., Intent[None]]:
    """A sink that raises what `fails` gives, else writes."""

    @intent
    def sink(events: Sequence[ReceivedEvent]) -> Steps[None]:
        if error := fails(events):
            raise error
        yield from keep_events(events)

    return sink


async def test_events_are_stored_then_shown(db: Database) -> None:
    hub = Broadcast(db)
    subscription = hub.subscribe_events(lambda one: one.event == "wanted")
    recorder = Recorder(db, hub, keep_events)
    recorder.start()
    wanted, other = event("wanted"), event("other")
    await recorder.record([other, wanted])
    assert len(await stored(db)) == 2
    assert await subscription.next() == [wanted]
    await recorder.stop()


async def test_an_event_that_comes_twice_is_kept_and_shown_once(db: Database) -> None:
    hub = Broadcast(db)
    subscription = hub.subscribe_events(lambda one: True)
    recorder = Recorder(db, hub, keep_events)
    recorder.start()
    once = event()
    await recorder.accept(once)
    await recorder.accept(once)
    await recorder.record([once])
    await recorder.settled()
    assert await subscription.next() == [once]
    assert len(await stored(db)) == 1
    await recorder.stop()


async def test_who_sends_an_event_again_is_answered_when_it_is_written(db: Database) -> None:
    recorder = Recorder(db, Broadcast(db), keep_events)
    once = event()
    await recorder.accept(once)
    again = asyncio.create_task(recorder.record([once, once]))
    await asyncio.sleep(0)
    assert not again.done()
    recorder.start()
    await again
    assert len(await stored(db)) == 1
    await recorder.stop()


async def test_a_bad_event_is_put_aside_and_its_neighbours_are_kept(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    sink = failing(lambda events: ValueError("bad") if any(one.event == "bad" for one in events) else None)
    recorder = Recorder(db, Broadcast(db), sink)
    good, bad = [event() for _ in range(20)], event("bad")
    for one in [*good[:7], bad, *good[7:]]:
        await recorder.accept(one)
    recorder.start()
    await recorder.settled()
    assert list(recorder.set_aside) == [bad.id]
    assert len(await stored(db)) == 20
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="could not be written"):
            await recorder.record([bad])
    assert recorder.problem is None
    await recorder.stop()


async def test_events_wait_in_order_while_the_database_is_away(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    tries: list[int] = []

    def away_five_times(events: Sequence[ReceivedEvent]) -> Exception | None:
        tries.append(len(events))
        return Unavailable("away") if len(tries) <= 5 else None

    hub = Broadcast(db)
    subscription = hub.subscribe_events(lambda one: True)
    recorder = Recorder(db, hub, failing(away_five_times))
    events = [event(str(number)) for number in range(10)]
    for one in events:
        await recorder.accept(one)
    recorder.start()
    await recorder.settled()
    assert [one.event for one in await subscription.next()] == [one.event for one in events]
    assert not recorder.set_aside
    await recorder.stop()


async def test_who_brings_more_than_the_queue_holds_waits(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    recorder = Recorder(db, Broadcast(db), keep_events)
    for _ in range(10):
        await recorder.accept(event())
    late = asyncio.create_task(recorder.accept(event()))
    await asyncio.sleep(0)
    assert not late.done()
    recorder.start()
    await late
    await recorder.stop()
    assert len(await stored(db)) == 11


async def test_the_stop_writes_what_was_accepted(db: Database) -> None:
    recorder = Recorder(db, Broadcast(db), keep_events)
    recorder.start()
    for _ in range(2_500):
        await recorder.accept(event())
    await recorder.stop()
    assert len(await stored(db)) == 2_500
    assert recorder.waiting == 0


async def test_a_recorder_that_died_is_a_problem(db: Database) -> None:
    recorder = Recorder(db, Broadcast(db), keep_events)
    recorder.start()
    assert recorder.problem is None
    assert recorder._task is not None
    recorder._task.cancel()
    await asyncio.gather(recorder._task, return_exceptions=True)
    assert recorder.problem == "the event recorder has died"
