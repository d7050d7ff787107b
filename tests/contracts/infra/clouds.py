"""What is the same for the stages of all clouds: their templates, filled as the worker fills them, and a quick pace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from penstock.core.job_templates import job_configuration
from penstock.infra.polling import Pace
from penstock.testing.infrastructure import RemoteContract, Stage, hosted, job

QUICK = Pace(first=0.005, longest=0.02, attempts=4)


def about(kind: str) -> dict[str, Any]:
    """What the server offers of a type."""
    every = json.loads((resources.files("penstock.infra") / "data" / "worker_types.json").read_text())
    return next(types[kind] for types in every.values() if kind in types)


def filled(kind: str, **variables: Any) -> Mapping[str, Any]:
    """The configuration of a job by the type's own template."""
    return job_configuration(about(kind)["default_base_job_configuration"], variables)


class SilentContract(RemoteContract):
    """The contract for clouds that keep the output elsewhere."""

    async def test_exit_tells_the_code_and_the_end_of_the_output(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(3)))
            ended = await driver.wait(started.handle)
        assert (ended.code, ended.output) == (3, "")
        assert ended.reason

    async def test_logs_are_all_of_the_output(self, stage: Stage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.ends(0)))
            assert [piece async for piece in driver.logs(started.handle)] == []

    async def test_how_a_found_job_ended_is_told(self, stage: Stage) -> None:
        wanted = job(stage.ends(3))
        async with hosted(stage) as first:
            await first.wait((await first.start(wanted)).handle)
        async with hosted(stage) as second:
            found = await second.find(wanted)
            assert found is not None
            assert (await second.wait(found.handle)).code == 3
