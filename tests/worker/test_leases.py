"""A server that fails is asked again soon enough to keep what its next answer can still keep."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from penstock.client.client import AsyncClient
from penstock.clock import Clock
from penstock.errors import PenstockError, ServerFault
from penstock.wire.dispatch import Held, Renewed
from penstock.worker.jobs import Jobs
from penstock.worker.leases import keep_leases

RUN = UUID(int=1)


class Server:
    """Answers renewals in this order, and says how long each wait after one was."""

    def __init__(self, *answers: Renewed | PenstockError) -> None:
        self.answers = list(answers)
        self.waits: list[float] = []
        self.lost: list[UUID] = []

    async def call(self, endpoint: Any, body: Any, **options: Any) -> Renewed:
        answer = self.answers.pop(0)
        if isinstance(answer, PenstockError):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.answers:
            raise asyncio.CancelledError

    def held(self) -> dict[str, list[Held]]:
        return {"w1": [Held(flow_run_id=RUN, attempt=1)]}

    def lose(self, run_id: UUID) -> None:
        self.lost.append(run_id)


async def test_a_renewal_that_failed_is_tried_again_soon() -> None:
    server = Server(Renewed(), ServerFault("no"), ServerFault("no"), Renewed(lost=[RUN]))
    with pytest.raises(asyncio.CancelledError):
        await keep_leases(cast(AsyncClient, server), cast(Jobs, server), cast(Clock, server), 30.0)
    assert server.waits == [10.0, 2.0, 2.0, 10.0]
    assert server.lost == [RUN]
