"""What every driver must keep, told in scenes that each driver plays in its own way: for the tests of plug-ins.

```python
class Stage: ...                          # how jobs of this driver are told to behave

@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)

class TestMine(RemoteContract): ...       # or LocalContract
```

Needs `pytest` and `pytest-asyncio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.protocol import Infrastructure, Job
from penstock.infra.templates import base_job_template

SCOPE = "pool-a"
"""What the notes of the contract's jobs say they belong to."""


class Stage(Protocol):
    """A driver under test, and how its jobs are told to behave.

    The configurations are what a pool's template makes of job variables, so they are in the words of the driver's own
    `Variables`. The fixture that gives the stage sees to it that no job of an earlier test is left.
    """

    def driver(self) -> Infrastructure:
        """A new host in the same place, not open yet: what earlier hosts started is still there."""
        ...

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        """Configuration of a job that prints the output and ends at once with the exit code."""
        ...

    def stays(self) -> Mapping[str, Any]:
        """Configuration of a job that runs until it is stopped, and obeys a polite request at once."""
        ...

    def impossible(self) -> Mapping[str, Any]:
        """Configuration that the driver refuses: `start` raises `InfrastructureFailed`."""
        ...


def job(configuration: Mapping[str, Any], identity: str = "run-1", scope: str = SCOPE) -> Job:
    """A job of this configuration, whose own command is not to be used."""
    note = {"scope": scope, "run": identity}
    return Job(identity=identity, configuration=configuration, env={}, command=["false"], note=note)


class InfrastructureContract:
    """What all drivers must keep. Subclass `LocalContract` or `RemoteContract`, beside a fixture named `stage`."""

    pytestmark = pytest.mark.asyncio

    async def test_its_variables_make_the_template_of_a_pool(self, stage: Stage) -> None:
        driver = stage.driver()
        template = base_job_template(driver.Variables)
        assert driver.kind
        assert set(template["job_configuration"]) == set(template["variables"]["properties"])
        assert {"command", "env", "labels", "name"} <= set(template["job_configuration"])

    async def test_exit_tells_the_code_and_the_end_of_the_output(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(3, "all is lost")))
            ended = await driver.wait(started.handle)
        assert (ended.code, ended.output.strip()) == (3, "all is lost")

    async def test_waiting_works_for_many_and_after_the_end(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(0)))
            both = await asyncio.gather(driver.wait(started.handle), driver.wait(started.handle))
            assert [one.code for one in (*both, await driver.wait(started.handle))] == [0, 0, 0]

    async def test_the_same_identity_is_not_started_twice(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(0)))
            with pytest.raises(InfrastructureFailed, match="not started twice"):
                await driver.start(job(stage.ends(0)))
            await driver.wait(started.handle)
            with pytest.raises(InfrastructureFailed, match="not started twice"):
                await driver.start(job(stage.ends(0)))

    async def test_a_failed_start_says_why_and_leaves_nothing(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed):
                await driver.start(job(stage.impossible()))
            started = await driver.start(job(stage.ends(0)))
            assert (await driver.wait(started.handle)).code == 0

    async def test_stop_ends_a_job_and_stopping_again_does_nothing(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            await driver.stop(started.handle, 5)
            assert (await driver.wait(started.handle)).code == -15
            await driver.stop(started.handle, 5)
            await driver.stop("never-was", 5)

    async def test_giving_up_waiting_leaves_the_job_alone(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            waiting = asyncio.create_task(driver.wait(started.handle))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await driver.stop(started.handle, 5)
            assert (await driver.wait(started.handle)).code == -15

    async def test_logs_are_all_of_the_output(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(0, "one\ntwo")))
            text = b"".join([piece async for piece in driver.logs(started.handle)])
        assert text.split() == [b"one", b"two"]

    async def test_a_host_finds_its_own_job_by_its_identity(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            wanted = job(stage.stays())
            assert await driver.find(wanted) is None
            started = await driver.start(wanted)
            assert await driver.find(wanted) == started
            await driver.stop(started.handle, 5)

    async def test_what_is_forgotten_is_gone(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(0)))
            await driver.wait(started.handle)
            await driver.forget(started.handle)
            await driver.forget(started.handle)
            with pytest.raises(InfrastructureFailed, match="not known"):
                await driver.wait(started.handle)


class LocalContract(InfrastructureContract):
    """For drivers whose jobs are on the host's own machine, where the next host looks for them."""

    async def test_next_host_takes_over_what_the_last_one_left(self, stage: Stage) -> None:
        async with hosted(stage) as first:
            started = await first.start(job(stage.stays()))
        async with hosted(stage) as second:
            [found] = await second.reconcile(SCOPE)
            assert (found.handle, found.pid, found.note["run"]) == (started.handle, started.pid, "run-1")
            await second.stop(found.handle, 5)
            assert (await second.wait(found.handle)).code == -15

    async def test_a_living_host_keeps_its_jobs_and_a_scope_is_kept_to(self, stage: Stage) -> None:
        async with hosted(stage) as first, hosted(stage) as second:
            started = await first.start(job(stage.stays()))
            assert await second.reconcile(SCOPE) == []
            await first.close()
            assert await second.reconcile("pool-b") == []
            [found] = await second.reconcile(SCOPE)
            assert (found.handle, found.pid) == (started.handle, started.pid)
            await second.stop(started.handle, 5)
            assert await second.reconcile(SCOPE) == []


class RemoteContract(InfrastructureContract):
    """For drivers whose jobs are elsewhere: the server knows their runs, and the infrastructure their identities."""

    async def test_next_host_finds_a_job_by_its_identity(self, stage: Stage) -> None:
        wanted, other = job(stage.stays()), job(stage.stays(), "run-2")
        async with hosted(stage) as first:
            started = await first.start(wanted)
        async with hosted(stage) as second:
            assert await second.reconcile(SCOPE) == []
            assert await second.find(other) is None
            assert await second.find(wanted) == started
            with pytest.raises(InfrastructureFailed, match="not started twice"):
                await second.start(wanted)
            await second.stop(started.handle, 5)
            assert (await second.wait(started.handle)).code == -15

    async def test_how_a_found_job_ended_is_told(self, stage: Stage) -> None:
        wanted = job(stage.ends(3, "all is lost"))
        async with hosted(stage) as first:
            await first.wait((await first.start(wanted)).handle)
        async with hosted(stage) as second:
            found = await second.find(wanted)
            assert found is not None
            ended = await second.wait(found.handle)
            text = b"".join([piece async for piece in second.logs(found.handle)])
        assert (ended.code, ended.output.strip(), text.strip()) == (3, "all is lost", b"all is lost")


class hosted:
    """A driver that is open within the block."""

    def __init__(self, stage: Stage, driver: Infrastructure | None = None) -> None:
        """A new driver of the stage, or the given one."""
        self.driver = driver or stage.driver()

    async def __aenter__(self) -> Infrastructure:
        await self.driver.open()
        return self.driver

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()
