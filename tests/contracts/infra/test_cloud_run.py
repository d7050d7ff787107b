"""The Cloud Run driver keeps the contract with both versions of the API, and says why jobs fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from penstock.errors import InfrastructureBusy, InfrastructureFailed
from penstock.infra.cloud_run import CloudRun
from penstock.infra.protocol import Infrastructure
from penstock.testing.infrastructure import hosted, job
from tests.contracts.infra.clouds import QUICK, SilentContract, filled
from tests.live.cloud_http import Fault, served
from tests.live.google import PROJECT, GoogleDouble, service_account
from tests.live.google_jobs import CloudRunDouble

RUN, CREATE = "/jobs/penstock-run-1:run", "POST /v2/projects/acme-flows/locations/us-central1/jobs"


class CloudRunStage:
    def __init__(self, kind: str, cloud: CloudRunDouble, double: GoogleDouble, url: str) -> None:
        self.kind, self.cloud, self.double, self.url = kind, cloud, double, url

    def driver(self) -> Infrastructure:
        return CloudRun(self.url, QUICK)

    def image(self, image: str, **variables: Any) -> Mapping[str, Any]:
        return filled(
            self.kind, image=image, credentials={"service_account_info": service_account(self.url)}, **variables
        )

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.image(f"exit-{code}")

    def stays(self) -> Mapping[str, Any]:
        return self.image("stays")

    def impossible(self) -> Mapping[str, Any]:
        return self.image("missing")


@pytest.fixture(params=["cloud-run-v2", "cloud-run"])
def stage(request: pytest.FixtureRequest) -> Iterator[CloudRunStage]:
    cloud = CloudRunDouble()
    double = cloud.make()
    with served(double) as url:
        yield CloudRunStage(request.param, cloud, double, url)


@pytest.fixture
def v2() -> Iterator[CloudRunStage]:
    cloud = CloudRunDouble()
    double = cloud.make()
    with served(double) as url:
        yield CloudRunStage("cloud-run-v2", cloud, double, url)


class TestCloudRun(SilentContract):
    async def test_the_job_is_what_the_template_and_the_run_say(self, stage: CloudRunStage) -> None:
        variables = {
            "command": "penstock flow-run execute --quiet",
            "labels": {"prefect.io/flow-run-name": "Big Otter"},
            "service_account_name": "jobs@acme",
            "timeout": 120,
            "memory": "1Gi",
            "cpu": "2000m",
        }
        wanted = replace(job(stage.image("exit-0", **variables)), env={"A": "1"})
        async with hosted(stage) as driver:
            started = await driver.start(wanted)
            assert (started.pid, started.handle) == ("penstock-run-1", "run-1")
            made, container = stage.cloud.jobs["penstock-run-1"], stage.cloud.container("penstock-run-1")
            assert container["command"] == ["penstock", "flow-run", "execute", "--quiet"]
            assert container["env"] == [{"name": "A", "value": "1"}]
            assert container["resources"]["limits"] == {"cpu": "2000m", "memory": "1Gi"}
            labels = made.get("labels") or made["metadata"]["labels"]
            assert labels["prefect-io-flow-run-name"] == "big-otter"
            await driver.wait(started.handle)
            await driver.forget(started.handle)
        assert stage.cloud.jobs == {}

    async def test_a_job_that_is_to_be_kept_stays(self, stage: CloudRunStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.image("exit-0", keep_job=True)))
            await driver.wait(started.handle)
            await driver.forget(started.handle)
        assert list(stage.cloud.jobs) == ["penstock-run-1"]

    @pytest.mark.parametrize(
        ("image", "code", "words"),
        [("oom", 137, "memory limit of 512 MiB exceeded"), ("slow", -15, "timeout was reached"), ("exit-7", 7, "7")],
    )
    async def test_the_reason_is_the_clouds(self, stage: CloudRunStage, image: str, code: int, words: str) -> None:
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.image(image)))).handle)
        assert ended.code == code
        assert words in ended.reason
        assert "https://console.example/logs" in ended.reason

    async def test_an_image_that_is_not_there_is_named(self, stage: CloudRunStage) -> None:
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match="Image 'missing' not found"):
                await driver.start(job(stage.impossible()))
        assert stage.cloud.jobs == {}

    async def test_trouble_passes(self, v2: CloudRunStage) -> None:
        v2.double.faults = [
            Fault(CREATE, 429),
            Fault(CREATE, 0, carried_out=True),
            Fault(RUN, 0, carried_out=True),
            Fault("GET", 0),
            *(Fault("/executions/", status) for status in (503, 0, 429)),
        ]
        async with hosted(v2) as driver:
            ended = await driver.wait((await driver.start(job(v2.ends(0)))).handle)
        assert ended.code == 0
        assert v2.double.faults == []
        assert list(v2.cloud.jobs) == ["penstock-run-1"]
        assert v2.double.count(":run") == 1

    async def test_trouble_that_does_not_pass_ends_the_start(self, v2: CloudRunStage) -> None:
        v2.double.faults = [Fault(CREATE, 503) for _ in range(9)]
        async with hosted(v2) as driver:
            with pytest.raises(InfrastructureBusy, match="Given up after 4 attempts: Google fails with HTTP 503"):
                await driver.start(job(v2.ends(0)))

    async def test_what_was_made_and_never_run_is_run_by_who_finds_it(self, v2: CloudRunStage) -> None:
        v2.double.faults = [Fault(RUN, 503) for _ in range(4)] + [Fault("DELETE", 503) for _ in range(4)]
        async with hosted(v2) as driver:
            with pytest.raises(InfrastructureFailed):
                await driver.start(job(v2.ends(3)))
        assert (list(v2.cloud.jobs), v2.cloud.executions) == (["penstock-run-1"], {})
        async with hosted(v2) as driver:
            found = await driver.find(job(v2.ends(3)))
            assert found is not None
            assert (await driver.wait(found.handle)).code == 3

    async def test_a_job_that_someone_deleted_has_no_code(self, v2: CloudRunStage) -> None:
        async with hosted(v2) as driver:
            started = await driver.start(job(v2.stays()))
            v2.cloud.jobs.clear()
            v2.cloud.executions.clear()
            ended = await driver.wait(started.handle)
        assert (ended.code, "deleted" in ended.reason) == (None, True)

    async def test_force_deletes_a_job_that_does_not_end(self, v2: CloudRunStage) -> None:
        async with hosted(v2) as driver:
            started = await driver.start(job(v2.stays()))
            await driver.stop(started.handle, 0)
            assert (await driver.wait(started.handle)).code == -9
        assert v2.cloud.jobs == {}

    async def test_bad_credentials_are_said_at_once(self, v2: CloudRunStage) -> None:
        key = {**service_account(v2.url), "private_key": "not a key"}
        wanted = filled("cloud-run-v2", credentials={"service_account_info": key})
        async with hosted(v2) as driver:
            with pytest.raises(InfrastructureFailed, match="The Google credentials can't be used"):
                await driver.start(job(wanted))

    async def test_a_project_of_ones_own(self, v2: CloudRunStage) -> None:
        configuration = filled(
            "cloud-run-v2",
            image="exit-0",
            credentials={"service_account_info": service_account(v2.url), "project": PROJECT},
        )
        async with hosted(v2) as driver:
            assert (await driver.wait((await driver.start(job(configuration))).handle)).code == 0
