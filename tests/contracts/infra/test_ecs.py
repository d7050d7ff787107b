"""The ECS driver keeps the contract, against moto's server with what moto leaves out added before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs import EcsInfrastructure
from penstock.infra.polling import Pace
from penstock.infra.protocol import Exit, Infrastructure, Job
from penstock.testing.infrastructure import RemoteContract, hosted, job
from tests.contracts.infra.clouds import QUICK, filled
from tests.live.cloud_http import Fault
from tests.live.ecs import Behaviour, Ecs, credentials, served

PATIENCE = 20.0
ROLE = "arn:aws:iam::123456789012:role/ecs"


class EcsStage:
    """Each stage has images, and so task definitions and streams of output, of its own."""

    def __init__(self, ecs: Ecs) -> None:
        self.ecs = ecs
        self.pace = QUICK

    def driver(self) -> Infrastructure:
        return EcsInfrastructure(self.pace)

    def configured(self, behaviour: Behaviour, **variables: Any) -> Mapping[str, Any]:
        """A job whose image does this, writing its output to CloudWatch."""
        image = f"image-{len(self.ecs.behaviours)}"
        self.ecs.behaviours[image] = behaviour
        given = {
            "aws_credentials": credentials(self.ecs.address),
            "image": image,
            "family": image,
            "execution_role_arn": ROLE,
            "configure_cloudwatch_logs": True,
            "cloudwatch_logs_prefix": image,
            "cluster": "default",
        }
        return filled("ecs", **{**given, **variables})

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.configured(Behaviour(code, output=tuple(output.split("\n")) if output else ()))

    def stays(self) -> Mapping[str, Any]:
        return self.configured(Behaviour())

    def impossible(self) -> Mapping[str, Any]:
        return filled("ecs", aws_credentials=credentials(self.ecs.address))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Ecs]:
    with served() as ecs:
        yield ecs


@pytest.fixture
def ecs(cloud: Ecs) -> Ecs:
    for kept in (cloud.asked, cloud.faults, cloud.tokens, cloud.says):
        kept.clear()
    return cloud


@pytest.fixture
def stage(ecs: Ecs) -> EcsStage:
    return EcsStage(ecs)


async def end(stage: EcsStage, configuration: Mapping[str, Any]) -> Exit:
    """How a job ends by itself."""
    async with hosted(stage) as driver:
        started = await driver.start(job(configuration))
        return await asyncio.wait_for(driver.wait(started.handle), PATIENCE)


class TestEcs(RemoteContract):
    async def test_what_is_sent_has_what_the_run_needs(self, stage: EcsStage, ecs: Ecs) -> None:
        variables = {"cpu": 512, "memory": 1024, "task_role_arn": ROLE, "network_configuration": {"subnets": ["s-1"]}}
        configuration = {
            **stage.configured(Behaviour(0), **variables),
            "labels": {"prefect.io/flow-run-name": "my run!", "team": "data"},
        }
        wanted = Job(
            identity="0b5c0e24-6a4e-4d3c-9d5e-1f0a7c1f2e3d-1",
            configuration=configuration,
            env={"A": "1"},
            command=["penstock", "flow-run", "execute"],
        )
        ecs.faults = [Fault("RunTask", 500) for _ in range(QUICK.attempts)]
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match="scripted failure"):
                await driver.start(wanted)
        [registered] = ecs.calls("RegisterTaskDefinition")
        assert (registered["cpu"], registered["memory"]) == ("512", "1024")
        assert (registered["networkMode"], registered["requiresCompatibilities"]) == ("awsvpc", ["FARGATE"])
        [container] = registered["containerDefinitions"]
        assert container["logConfiguration"]["options"]["awslogs-region"] == "eu-central-1"
        assert "environment" not in container, "runs share a definition"
        sent = ecs.calls("RunTask")[0]
        assert sent["startedBy"] == sent["clientToken"] == "penstock-0b5c0e24-6a4e-4d3c-9d5e-1f0a7c1f2e3d-1"
        assert (sent["launchType"], sent["count"], sent["cluster"]) == ("FARGATE", 1, "default")
        assert sent["networkConfiguration"] == {"awsvpcConfiguration": {"subnets": ["s-1"]}}
        assert sent["overrides"]["taskRoleArn"] == ROLE
        assert (sent["overrides"]["cpu"], sent["overrides"]["memory"]) == ("512", "1024")
        [override] = sent["overrides"]["containerOverrides"]
        assert override["command"] == ["penstock", "flow-run", "execute"]
        assert override["environment"] == [{"name": "A", "value": "1"}]
        tags = {one["key"]: one["value"] for one in sent["tags"]}
        assert tags["prefect.io/flow-run-name"] == "my run-"
        assert tags["team"] == "data"

    async def test_spot_and_the_default_network(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = stage.configured(Behaviour(0), launch_type="FARGATE_SPOT")
        assert (await end(stage, configuration)).code == 0
        [sent] = ecs.calls("RunTask")
        assert sent["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        assert "launchType" not in sent
        network = sent["networkConfiguration"]["awsvpcConfiguration"]
        assert network["assignPublicIp"] == "ENABLED"
        assert all(subnet.startswith("subnet-") for subnet in network["subnets"])

    async def test_a_definition_of_the_pool_is_used_as_it_is(self, stage: EcsStage, ecs: Ecs) -> None:
        await end(stage, stage.configured(Behaviour(0)))
        arn = ecs.calls("RunTask")[0]["taskDefinition"]
        async with hosted(stage) as driver:
            configuration = stage.configured(Behaviour(0), task_definition_arn=arn)
            await driver.start(job(configuration, "run-2"))
            wrong = stage.configured(Behaviour(0), task_definition_arn=arn, container_name="other")
            with pytest.raises(InfrastructureFailed, match=r"no container 'other' .*penstock"):
                await driver.start(job(wrong, "run-3"))
        assert len(ecs.calls("RegisterTaskDefinition")) == 1
        assert ecs.calls("RunTask")[1]["taskDefinition"] == arn

    async def test_runs_of_one_definition_register_it_once(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = stage.configured(Behaviour(0))
        async with hosted(stage) as driver:
            await asyncio.gather(*(driver.start(job(configuration, f"run-{number}")) for number in range(5)))
        assert len(ecs.calls("RegisterTaskDefinition")) == 1
        matching = {**configuration, "match_latest_revision_in_family": True}
        async with hosted(stage) as another:
            await another.start(job(matching, "run-5"))
            other = stage.configured(Behaviour(0), family=ecs.calls("RegisterTaskDefinition")[0]["family"])
            await another.start(job({**other, "match_latest_revision_in_family": True}, "run-6"))
        assert len(ecs.calls("RegisterTaskDefinition")) == 2
        assert len(ecs.calls("RunTask")) == 7

    async def test_a_definition_for_one_run_is_deregistered(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = stage.configured(Behaviour(0), auto_deregister_task_definition=True)
        async with hosted(stage) as driver:
            started = await driver.start(job(configuration))
            await driver.wait(started.handle)
            await driver.forget(started.handle)
        arn = ecs.calls("RunTask")[0]["taskDefinition"]
        assert ecs.calls("DeregisterTaskDefinition") == [{"taskDefinition": arn}]

    async def test_a_definition_that_somebody_deregistered_is_registered_anew(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = stage.configured(Behaviour(0))
        async with hosted(stage) as driver:
            await driver.start(job(configuration))
            ecs.inactive.add(ecs.calls("RunTask")[0]["taskDefinition"])
            await driver.start(job(configuration, "run-2"))
        assert len(ecs.calls("RegisterTaskDefinition")) == 2

    async def test_a_lost_answer_is_no_second_task(self, stage: EcsStage, ecs: Ecs) -> None:
        ecs.faults = [Fault("RunTask", 400), Fault("RunTask", 500, carried_out=True)]
        assert (await end(stage, stage.ends(0))).code == 0
        assert len(ecs.tokens) == 1
        assert len({str(sent) for sent in ecs.calls("RunTask")}) == 1

    async def test_throttled_looks_end_nothing_and_many_tasks_are_one_question(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = stage.stays()
        stage.pace = Pace(first=0.1, longest=0.1)
        async with hosted(stage) as driver:
            many = await asyncio.gather(*(driver.start(job(configuration, f"run-{n}")) for n in range(20)))
            ecs.faults = [Fault("DescribeTasks", status) for status in (400, 500)]
            for _, answer in list(ecs.tokens.values()):
                ecs.end(answer["tasks"][0]["taskArn"], Behaviour(4))
            ends = await asyncio.wait_for(asyncio.gather(*(driver.wait(one.handle) for one in many)), PATIENCE)
        assert {one.code for one in ends} == {4}
        assert max(len(asked["tasks"]) for asked in ecs.calls("DescribeTasks")) > 5

    @pytest.mark.parametrize(
        ("behaviour", "expected"),
        [
            (
                Behaviour(137, "OutOfMemoryError: Container killed due to memory usage"),
                Exit(
                    -9,
                    reason="The container was killed for want of memory"
                    " (OutOfMemoryError: Container killed due to memory usage).",
                ),
            ),
            (
                Behaviour(None, None, "TaskFailedToStart", "CannotPullContainerError: pull access denied for x"),
                Exit(125, reason="TaskFailedToStart: CannotPullContainerError: pull access denied for x"),
            ),
            (
                Behaviour(143, None, "SpotInterruption", "Your Spot Task was interrupted."),
                Exit(-15, reason="SpotInterruption: Your Spot Task was interrupted.", lost=True),
            ),
            (
                Behaviour(None, None, "TerminationNotice", "Host EC2 (instance i-0f) terminated."),
                Exit(None, reason="TerminationNotice: Host EC2 (instance i-0f) terminated.", lost=True),
            ),
            (Behaviour(2), Exit(2)),
        ],
    )
    async def test_why_a_task_ended_is_told(self, stage: EcsStage, behaviour: Behaviour, expected: Exit) -> None:
        assert await end(stage, stage.configured(behaviour)) == expected

    async def test_a_task_that_does_not_begin_is_stopped(self, stage: EcsStage, ecs: Ecs) -> None:
        configuration = {**stage.configured(Behaviour(stuck=True)), "task_start_timeout_seconds": 0.1}
        ecs.faults = [Fault("StopTask", 400)]
        ended = await end(stage, configuration)
        assert ended.code == 125
        assert ended.reason.startswith("It did not begin within 0.1 s (task_start_timeout_seconds)")
        assert "It is provisioning." in ended.reason
        assert len(ecs.calls("StopTask")) == 2

    async def test_a_task_that_ecs_no_longer_knows_is_lost(
        self, stage: EcsStage, ecs: Ecs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            ecs.says[started.pid.partition("::")[2]] = {"missing": True}
            waiting = asyncio.ensure_future(driver.wait(started.handle))
            before = len(ecs.calls("DescribeTasks"))
            while len(ecs.calls("DescribeTasks")) < before + 4:
                await asyncio.wait({waiting}, timeout=0.01)
            assert not waiting.done(), "a new task may not be shown at once"
            monkeypatch.setattr("penstock.infra.ecs.driver.SHOWN_AFTER_SECONDS", 0)
            assert (await asyncio.wait_for(waiting, PATIENCE)).code is None

    async def test_what_ecs_refuses_is_told_in_its_words(self, stage: EcsStage) -> None:
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=r"refused to run task \(ClusterNotFound"):
                await driver.start(job(stage.configured(Behaviour(0), cluster="nowhere")))
            with pytest.raises(InfrastructureFailed, match="execution_role_arn"):
                await driver.start(job(stage.configured(Behaviour(0), execution_role_arn=None), "run-2"))

    async def test_secrets_are_not_told(self, stage: EcsStage, ecs: Ecs, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG", logger="penstock")
        ecs.faults = [Fault("RunTask", 400), Fault("DescribeTasks", 500)]
        assert (await end(stage, stage.ends(0))).code == 0
        assert "s3cr3t" not in caplog.text
        assert "s3cr3t" not in repr(ecs.asked)
