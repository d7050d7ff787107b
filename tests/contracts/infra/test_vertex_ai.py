"""The Vertex AI driver keeps the contract, as far as a cloud that refuses no name can be made to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.protocol import Infrastructure
from penstock.infra.vertex_ai import VertexAi
from penstock.testing.infrastructure import hosted, job
from tests.contracts.infra.clouds import QUICK, SilentContract, filled
from tests.live.cloud_http import Fault, served
from tests.live.google import GoogleDouble, service_account
from tests.live.google_jobs import VertexDouble


class VertexStage:
    def __init__(self, cloud: VertexDouble, double: GoogleDouble, url: str) -> None:
        self.cloud, self.double, self.url = cloud, double, url

    def driver(self) -> Infrastructure:
        return VertexAi(self.url, QUICK)

    def image(self, image: str, **variables: Any) -> Mapping[str, Any]:
        credentials = {"service_account_info": service_account(self.url)}
        given = {"region": "europe-west4", "credentials": credentials, "job_watch_poll_interval": 0.01, **variables}
        return filled("vertex-ai", image=image, **given)

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.image(f"exit-{code}")

    def stays(self) -> Mapping[str, Any]:
        return self.image("stays")

    def impossible(self) -> Mapping[str, Any]:
        return self.image("missing")


@pytest.fixture
def stage() -> Iterator[VertexStage]:
    cloud = VertexDouble()
    double = cloud.make()
    with served(double) as url:
        yield VertexStage(cloud, double, url)


class TestVertexAi(SilentContract):
    async def test_the_job_is_what_the_template_and_the_run_say(self, stage: VertexStage) -> None:
        wanted = stage.image(
            "exit-0",
            name="Big Otter",
            labels={"Team": "A"},
            service_account_name="jobs@acme",
            accelerator_type="NVIDIA_TESLA_T4",
            accelerator_count=2,
            maximum_run_time_hours=3,
        )
        async with hosted(stage) as driver:
            started = await driver.start(replace(job(wanted), env={"A": "1"}))
        made = stage.cloud.jobs["100"]
        assert started.pid == made["name"]
        assert (made["displayName"], made["labels"]["team"]) == ("Big Otter", "a")
        spec = made["jobSpec"]
        assert (spec["serviceAccount"], spec["scheduling"]) == ("jobs@acme", {"timeout": "10800s"})
        [pool] = spec["workerPoolSpecs"]
        assert pool["containerSpec"] == {
            "imageUri": "exit-0",
            "command": ["false"],
            "args": [],
            "env": [{"name": "A", "value": "1"}],
        }
        assert pool["machineSpec"]["acceleratorCount"] == 2
        assert pool["diskSpec"] == {"bootDiskType": "pd-ssd", "bootDiskSizeGb": 100}

    async def test_out_of_memory_is_said(self, stage: VertexStage) -> None:
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.image("oom")))).handle)
        assert (ended.code, "out-of-memory" in ended.reason) == (137, True)

    async def test_a_lost_answer_makes_no_second_job(self, stage: VertexStage) -> None:
        create = "POST /v1/projects/acme-flows/locations/europe-west4/customJobs"
        stage.double.faults = [Fault(create, 429), Fault(create, 0, carried_out=True), Fault("GET", 503)]
        async with hosted(stage) as driver:
            assert (await driver.wait((await driver.start(job(stage.ends(0)))).handle)).code == 0
        assert (list(stage.cloud.jobs), stage.double.faults) == (["100"], [])

    async def test_a_refusal_is_the_clouds_words(self, stage: VertexStage) -> None:
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=r"HTTP 400.*Image missing is not found"):
                await driver.start(job(stage.impossible()))
