"""An agent's watch over jobs that run elsewhere: when it falls silent, another agent takes them in hand.

Only when a run's block is read is it known whether its job will be such a one, so the server is told then, before the
job is there. Jobs on the agent's own machine are found on it by the next agent there.
"""

from __future__ import annotations

from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.errors import InfrastructureFailed
from penstock.wire import dispatch
from penstock.wire.dispatch import Held, Renewal
from penstock.worker.facts import RunFacts


class Watch:
    """The watch of one agent, on a Penstock server."""

    def __init__(self, client: AsyncClient, host: UUID, seconds: float) -> None:
        self._client = client
        self._host = host
        self._seconds = seconds

    async def begin(self, facts: RunFacts) -> None:
        """Watches over the job of a run from now on; again for the same run it changes nothing.

        Raises `InfrastructureFailed` when the run is another's meanwhile, and what the client raises.
        """
        if facts.attempt is None or facts.holder is None:
            return
        held = Held(flow_run_id=facts.flow_run.id, attempt=facts.attempt)
        body = Renewal(worker_name=facts.holder, runs=[held], lease_seconds=self._seconds, host=self._host, begins=True)
        answer = await self._client.call(dispatch.renew_leases, body)
        if answer.lost or answer.watched:
            raise InfrastructureFailed("The run was given to another host before its job was started.")
