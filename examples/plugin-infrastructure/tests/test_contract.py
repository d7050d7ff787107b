"""The driver keeps the contract that Penstock's own drivers keep."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from penstock_detached import Detached

from penstock.testing.infrastructure import RemoteContract, hosted, job


class Stage:
    """Jobs whose folders are the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def driver(self) -> Detached:
        return Detached()

    def shell(self, script: str) -> dict[str, object]:
        return {"command": shlex.join(["sh", "-c", script]), "jobs_folder": str(self.folder)}

    def ends(self, code: int, output: str = "") -> dict[str, object]:
        return self.shell(f"printf '%s\\n' {shlex.quote(output)}; exit {code}")

    def stays(self) -> dict[str, object]:
        return {**self.ends(0), "command": "sleep 3600"}

    def impossible(self) -> dict[str, object]:
        return {**self.ends(0), "niceness": 20}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "jobs")


class TestDetached(RemoteContract):
    async def test_a_job_that_ignores_the_request_is_killed(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.shell('trap "" TERM; echo up; while :; do sleep 1; done')))
            async for _ in driver.logs(started.handle):
                break
            await driver.stop(started.handle, 0.1)
            ended = await driver.wait(started.handle)
        assert (ended.code, ended.output) == (-9, "up\n")
