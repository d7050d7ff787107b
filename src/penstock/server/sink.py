"""What becomes of a batch of reported events: all are kept, task-run states are recorded, runs show life."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from penstock.server.recorder import Sink
from penstock.store.database import Steps, intent
from penstock.store.events import record
from penstock.store.overdue import note_signs_of_life
from penstock.store.task_events import record_task_events, tells_of_task_run
from penstock.wire.events import ReceivedEvent

HEARTBEAT = "prefect.flow-run.heartbeat"
FLOW_RUN = "prefect.flow-run."


@intent
def keep_events(events: Sequence[ReceivedEvent]) -> Steps[None]:
    """Writes a batch in one transaction; harmless for events that are there already."""
    yield from record(events)
    if alive := {run_id for event in events for run_id in _alive(event)}:
        yield from note_signs_of_life(sorted(alive), events[-1].received)


@intent
def keep_and_record_events(events: Sequence[ReceivedEvent]) -> Steps[None]:
    """As `keep_events`, and the task-run states among them are applied."""
    yield from keep_events(events)
    yield from record_task_events(events, events[-1].received)


def sink(*, records_tasks: bool) -> Sink:
    """The sink of a server that records task runs, or leaves that to another replica's settings."""
    return keep_and_record_events if records_tasks else keep_events


def _alive(event: ReceivedEvent) -> list[UUID]:
    """The flow runs whose process must be alive to have reported an event."""
    if event.event == HEARTBEAT:
        names = [event.resource.get("prefect.resource.id")]
    elif tells_of_task_run(event):
        flow_runs = (one for one in event.related if one.get("prefect.resource.role") == "flow-run")
        names = [one.get("prefect.resource.id") for one in flow_runs]
    else:
        return []
    try:
        return [UUID(str(name).removeprefix(FLOW_RUN)) for name in names]
    except ValueError:
        return []
