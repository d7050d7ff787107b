"""What both databases promise about task-run states that come as events: once each, the newest last."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from penstock.errors import InvalidRequest
from penstock.store import task_run_states, task_runs
from penstock.store.database import Database
from penstock.store.task_events import record_task_events
from penstock.wire.events import ReceivedEvent

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIFE = ("PENDING", "RUNNING", "COMPLETED")


def told(run: UUID, flow_run: UUID, number: int, key: str = "0") -> ReceivedEvent:
    """The event of the n-th state of a task run's life."""
    kind = LIFE[number]
    return ReceivedEvent(
        id=uuid4(),
        occurred=NOW + timedelta(milliseconds=number),
        received=NOW,
        event=f"prefect.task-run.{kind.capitalize()}",
        resource={"prefect.resource.id": f"prefect.task-run.{run}", "prefect.orchestration": "client"},
        related=[{"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}],
        payload={
            "validated_state": {"type": kind, "name": kind.capitalize(), "state_details": {}},
            "task_run": {"name": "t", "task_key": "k", "dynamic_key": key, "run_count": min(number, 1)},
        },
    )


async def shown(db: Database, run: UUID) -> dict[str, object]:
    text = await db.read(task_runs.read(run, NOW))
    assert text is not None
    return dict(json.loads(text))


async def states(db: Database, run: UUID) -> list[str]:
    return [one["type"] for one in json.loads(await db.read(task_run_states.list_states(run)))]


async def test_a_life_in_one_batch_ends_in_its_last_state(db: Database) -> None:
    run, flow = uuid4(), uuid4()
    events = [told(run, flow, number) for number in range(3)]
    assert await db.write(record_task_events(events, NOW)) == 3
    assert (await shown(db, run))["state_type"] == "COMPLETED"
    assert await states(db, run) == list(LIFE)


async def test_events_that_come_again_change_nothing(db: Database) -> None:
    run, flow = uuid4(), uuid4()
    events = [told(run, flow, number) for number in range(3)]
    await db.write(record_task_events(events, NOW))
    assert await db.write(record_task_events(events, NOW)) == 0
    assert await states(db, run) == list(LIFE)


async def test_an_older_event_never_overwrites_a_newer_state(db: Database) -> None:
    run, flow = uuid4(), uuid4()
    events = [told(run, flow, number) for number in range(3)]
    for event in reversed(events):
        await db.write(record_task_events([event], NOW))
    assert (await shown(db, run))["state_type"] == "COMPLETED"
    assert await states(db, run) == list(LIFE)


async def test_any_order_and_any_batches_end_the_same(db: Database) -> None:
    rng = random.Random(7)
    flow = uuid4()
    runs = [uuid4() for _ in range(12)]
    events = [told(run, flow, number, str(run)) for run in runs for number in range(3)]
    rng.shuffle(events)
    while events:
        batch, events = events[:7], events[7:]
        await db.write(record_task_events(batch, NOW))
    for run in runs:
        assert (await shown(db, run))["state_type"] == "COMPLETED"


async def test_a_task_run_is_known_by_its_key(db: Database) -> None:
    first, second, flow = uuid4(), uuid4(), uuid4()
    await db.write(record_task_events([told(first, flow, 0)], NOW))
    await db.write(record_task_events([told(second, flow, 1)], NOW))
    assert (await shown(db, first))["state_type"] == "RUNNING"
    assert await db.read(task_runs.read(second, NOW)) is None


async def test_an_event_without_a_task_run_is_refused(db: Database) -> None:
    bad = told(uuid4(), uuid4(), 0)
    bad.payload.clear()
    with pytest.raises(InvalidRequest):
        await db.write(record_task_events([bad], NOW))
