"""What becomes of a batch of reported events: all are kept, task-run states are recorded, runs show life."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.store.database import Steps, intent
from penstock.store.events import record
from penstock.wire.events import ReceivedEvent


@intent
def keep_events(events: Sequence[ReceivedEvent]) -> Steps[None]:
    """Writes a batch in one transaction; harmless for events that are there already."""
    yield from record(events)
