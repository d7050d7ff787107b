"""What a worker makes known as events: that it works, and what it has started and seen end."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from penstock.client.client import SPOKEN_VERSION, Client
from penstock.client.outbox import Outbox
from penstock.clock import Clock
from penstock.ids import new_id
from penstock.wire import events
from penstock.wire.events import Event
from penstock.wire.work_pools import WorkPool
from penstock.worker.facts import Taken

PAUSE_SECONDS = 1.0

Resource = dict[str, str]


class Announcements:
    """Events of one worker; names and resources are those of Prefect's."""

    def __init__(self, client: Client, clock: Clock, kind: str, worker: str, pool: WorkPool) -> None:
        self._client = client
        self._clock = clock
        self._worker = {
            "prefect.resource.id": f"prefect.worker.{kind}.{worker.lower().replace(' ', '-')}",
            "prefect.resource.name": worker,
            "prefect.version": SPOKEN_VERSION,
            "prefect.worker-type": kind,
        }
        self._pool = _resource("work-pool", pool.id, pool.name)
        self._started: UUID | None = None
        self._outbox: Outbox[Event] = Outbox("worker-events", self._send, pause=PAUSE_SECONDS)

    def started(self) -> None:
        self._started = self._put("prefect.worker.started", [])

    def stopped(self) -> None:
        """The last one; everything is sent when it returns."""
        self._put("prefect.worker.stopped", [], follows=self._started)
        self._outbox.close()

    def submitted(self, taken: Taken) -> None:
        self._put("prefect.worker.submitted-flow-run", _related(taken, {}))

    def executed(self, taken: Taken, pid: str, code: int | None) -> None:
        end = {"prefect.infrastructure.identifier": pid, "prefect.infrastructure.status-code": str(code)}
        self._put("prefect.worker.executed-flow-run", _related(taken, end))

    def _put(self, name: str, related: list[Resource], follows: UUID | None = None) -> UUID:
        event = Event(
            id=new_id(),
            occurred=self._clock.now(),
            event=name,
            resource=self._worker,
            related=[*related, self._pool],
            follows=follows,
        )
        self._outbox.put(event)
        return event.id

    def _send(self, batch: Sequence[Event]) -> None:
        self._client.call(events.create_events, list(batch))


def _related(taken: Taken, end: Resource) -> list[Resource]:
    facts = taken.facts
    found = [_resource("flow", facts.flow.id, facts.flow.name)]
    if facts.deployment:
        found.append(_resource("deployment", facts.deployment.id, facts.deployment.name))
    found.append(_resource("flow-run", facts.flow_run.id, facts.flow_run.name) | end)
    tags = sorted(facts.flow_run.tags)
    return found + [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"} for tag in tags]


def _resource(kind: str, id: UUID, name: str) -> Resource:
    return {
        "prefect.resource.id": f"prefect.{kind}.{id}",
        "prefect.resource.role": kind,
        "prefect.resource.name": name,
    }
