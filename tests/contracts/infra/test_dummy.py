"""The dummy driver keeps the contract."""

from __future__ import annotations

import pytest

from penstock.infra.dummy import DummyInfrastructure, DummyJob
from penstock.infra.protocol import Infrastructure
from penstock.testing.infrastructure import LocalContract, hosted, job


class DummyStage:
    def __init__(self) -> None:
        self.world: dict[str, DummyJob] = {}

    def driver(self) -> Infrastructure:
        return DummyInfrastructure(self.world)

    def ends(self, code: int, output: str = "") -> dict[str, object]:
        return {"exit_code": code, "output": output}

    def stays(self) -> dict[str, object]:
        return {"run_seconds": 3600}

    def impossible(self) -> dict[str, object]:
        return {"refuse": "no room"}


@pytest.fixture
def stage() -> DummyStage:
    return DummyStage()


class TestDummy(LocalContract):
    async def test_a_vanished_job_has_no_code(self, stage: DummyStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job({"vanish": True}))
            assert (await driver.wait(started.handle)).code is None
