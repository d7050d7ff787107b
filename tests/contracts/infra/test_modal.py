"""The Modal driver keeps the contract over Modal's own protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from grpclib import Status

from penstock.errors import InfrastructureFailed
from penstock.infra.modal import ModalInfrastructure
from penstock.infra.protocol import Infrastructure
from penstock.testing.infrastructure import RemoteContract, hosted, job
from penstock.testing.infrastructure import Stage as AnyStage
from tests.contracts.infra.clouds import QUICK, filled
from tests.live.modal import TOKEN_ID, TOKEN_SECRET, ModalDouble, served


class ModalStage:
    def __init__(self, cloud: ModalDouble) -> None:
        self.cloud = cloud

    def driver(self) -> Infrastructure:
        return ModalInfrastructure(QUICK)

    def image(self, image: str, **variables: Any) -> Mapping[str, Any]:
        credentials = {"token_id": TOKEN_ID, "token_secret": TOKEN_SECRET}
        return filled("modal:push", **{"image": image, "modal_credentials": credentials, **variables})

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.image(f"exit-{code}", command=f"say {output}")

    def stays(self) -> Mapping[str, Any]:
        return self.image("stays")

    def impossible(self) -> Mapping[str, Any]:
        return self.image("missing")


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModalStage]:
    async with served() as (double, url):
        monkeypatch.setenv("MODAL_SERVER_URL", url)
        # The double has the calls of Modal's first kind of sandboxes; Modal's client hides the difference from us.
        monkeypatch.setenv("MODAL_SANDBOX_V2", "0")
        yield ModalStage(double)


class TestModal(RemoteContract):
    async def test_how_a_found_job_ended_is_told(self, stage: AnyStage) -> None:
        """Modal keeps no name of what has ended, so the next host finds nothing."""
        wanted = job(stage.ends(3))
        async with hosted(stage) as first:
            await first.wait((await first.start(wanted)).handle)
        async with hosted(stage) as second:
            assert await second.find(wanted) is None

    async def test_the_sandbox_is_what_the_template_and_the_run_say(self, stage: ModalStage) -> None:
        wanted = stage.image(
            "exit-0", cpu=0.5, memory=1024, gpu="T4:2", timeout=60, secrets=["db"], labels={"Team": "A"}
        )
        async with hosted(stage) as driver:
            started = await driver.start(replace(job(wanted), env={"A": "1"}))
        box = stage.cloud.boxes[started.pid]
        assert (box.definition.name, list(box.definition.entrypoint_args)) == ("penstock-run-1", ["false"])
        assert (box.definition.resources.milli_cpu, box.definition.resources.memory_mb) == (500, 1024)
        assert box.definition.resources.gpu_config.count == 2
        assert (box.definition.timeout_secs, box.tags["team"]) == (60, "a")
        assert [stage.cloud.secrets[one] for one in box.definition.secret_ids] == [{"A": "1"}, {"name": "db"}]

    async def test_the_time_limit_is_named(self, stage: ModalStage) -> None:
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.image("slow", timeout=60)))).handle)
        assert (ended.code, ended.reason) == (124, "The sandbox ran into its time limit of 60 s.")

    async def test_trouble_passes(self, stage: ModalStage) -> None:
        stage.cloud.faults = [
            ("SandboxCreate", Status.RESOURCE_EXHAUSTED),
            ("SandboxWait", Status.INTERNAL),
            ("SandboxWait", Status.UNAVAILABLE),
        ]
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.ends(0)))).handle)
        assert (ended.code, stage.cloud.faults, len(stage.cloud.boxes)) == (0, [], 1)

    async def test_wrong_credentials_are_said_at_once(self, stage: ModalStage) -> None:
        wrong = {"token_id": TOKEN_ID, "token_secret": "guess"}
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match="Token ID is malformed"):
                await driver.start(job(stage.image("exit-0", modal_credentials=wrong)))
