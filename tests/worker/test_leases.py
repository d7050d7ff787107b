"""An answer to a renewal that comes late: the run may have been lost, offered again and claimed by the same worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

import pytest

from penstock.client.client import AsyncClient, Client
from penstock.client.transport import Response
from penstock.clock import SystemClock
from penstock.ids import new_id
from penstock.infra.dummy import DummyInfrastructure
from penstock.wire.dispatch import Renewed
from penstock.wire.model import encode
from penstock.worker import leases
from penstock.worker.hosted import Hosted
from penstock.worker.jobs import Jobs
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

RUN = new_id()


class Answering:
    """A server that gives one answer, after something has happened."""

    base_url = "http://server/api"

    def __init__(self) -> None:
        self.answer = Renewed()
        self.meanwhile: Callable[[], None] = lambda: None

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        if path.endswith("/leases/renew"):
            self.meanwhile()
            return Response(200, {}, encode(self.answer))
        return Response(204, {}, b"")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("said", ["lost", "cancelling"])
async def test_what_is_said_of_an_attempt_is_not_taken_for_the_next_one(said: str, attempt: int) -> None:
    server = Answering()
    async with AsyncClient(Client(server)) as client:
        logs = RunLogs(client.blocking, SystemClock())
        jobs = Jobs(DummyInfrastructure(), None, Reports(client), logs)
        jobs.hosted[RUN] = Hosted(RUN, 1, "w")

        def claimed_again() -> None:
            jobs.hosted[RUN] = Hosted(RUN, attempt, "w")

        server.meanwhile, server.answer = claimed_again, renewed(said, RUN)
        await leases.renew_once(client, jobs, 30.0)
        hosted = jobs.hosted[RUN]
        assert (hosted.lost or hosted.cancelling) is (attempt == 1)
        logs.close()


def renewed(said: str, run: UUID) -> Renewed:
    return Renewed(lost=[run]) if said == "lost" else Renewed(cancelling=[run])
