"""Signs of life of flow runs, from a thread that the user's code does not block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.clock import utc_now
from penstock.ids import new_id

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext


@contextmanager
def beating(context: FlowContext) -> Iterator[None]:
    """Within the block the run sends a heartbeat event at the frequency of the settings."""
    frequency = context.session.settings.flows.heartbeat_frequency
    if not frequency:
        yield
        return
    stop = threading.Event()
    threading.Thread(target=_beat, args=(context, frequency, stop), name="penstock-heartbeat", daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _beat(context: FlowContext, frequency: float, stop: threading.Event) -> None:
    last = None
    while True:
        beat = _event(context, last)
        context.session.events.put(lambda beat=beat: beat)  # type: ignore[misc]  # binds this turn's beat
        last = beat["id"]
        if stop.wait(frequency):
            return


def _event(context: FlowContext, follows: Any) -> dict[str, Any]:
    """One beat; from the second on it names the one before."""
    return {
        "id": new_id(),
        "occurred": utc_now(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {
            "prefect.resource.id": f"prefect.flow-run.{context.run.id}",
            "prefect.resource.name": context.run.name,
            "prefect.version": "3.8.8",
        },
        "related": context.related[1:],
        "payload": {},
        "follows": follows,
    }
