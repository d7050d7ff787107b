"""The driver of Azure Container Instances keeps the contract, over TLS and with Azure's own sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.container_instances import ContainerInstances
from penstock.infra.protocol import Infrastructure
from penstock.testing.infrastructure import RemoteContract, hosted, job
from tests.contracts.infra.clouds import QUICK, filled
from tests.live.azure import PROVIDERS, RESOURCES, SUBSCRIPTION, AzureDouble
from tests.live.certificates import certificate
from tests.live.cloud_http import Fault, served

DEPLOYMENT = f"{PROVIDERS}/Microsoft.Resources/deployments/penstock-run-1"


class AzureStage:
    def __init__(self, cloud: AzureDouble) -> None:
        self.cloud = cloud

    def driver(self) -> Infrastructure:
        return ContainerInstances(self.cloud.url, QUICK)

    def image(self, image: str, **variables: Any) -> Mapping[str, Any]:
        given = {
            "subscription_id": SUBSCRIPTION,
            "resource_group_name": RESOURCES,
            "aci_credentials": self.cloud.credentials(),
            "task_watch_poll_interval": 0.01,
            **variables,
        }
        return filled("azure-container-instance", image=image, **given)

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.image(f"exit-{code}", command=f"say {output}")

    def stays(self) -> Mapping[str, Any]:
        return self.image("stays")

    def impossible(self) -> Mapping[str, Any]:
        return {**self.image("exit-0"), "arm_template": {"resources": []}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def stage(keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureStage]:
    cloud = AzureDouble()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Path(keys[0])))
    with served(cloud, keys) as cloud.url:
        yield AzureStage(cloud)


class TestContainerInstances(RemoteContract):
    async def test_the_group_is_what_the_template_and_the_run_say(self, stage: AzureStage) -> None:
        wanted = stage.image(
            "exit-0",
            command="penstock flow-run execute",
            labels={"prefect.io/flow-name": "etl"},
            cpu=2.0,
            memory=4.5,
            gpu_count=1,
            gpu_sku="V100",
            identities=["/id/1"],
            subnet_ids=["/net/1"],
            dns_servers=["10.0.0.1"],
            image_registry={"registry_url": "acme.azurecr.io", "identity": "/id/1"},
        )
        env = {"A": "1", "PREFECT_API_KEY": "secret"}
        async with hosted(stage) as driver:
            started = await driver.start(replace(job(wanted), env=env))
            assert started.pid == "penstock-run-1"
            resource = stage.cloud.groups["penstock-run-1"].resource
            await driver.wait(started.handle)
            await driver.forget(started.handle)
        assert (stage.cloud.groups, stage.cloud.deployments) == ({}, {})
        container = resource["properties"]["containers"][0]["properties"]
        assert container["command"] == ["/opt/prefect/entrypoint.sh", "penstock", "flow-run", "execute"]
        assert container["environmentVariables"] == [
            {"name": "A", "value": "1"},
            {"name": "PREFECT_API_KEY", "secureValue": "secret"},
        ]
        gpu = {"count": 1, "sku": "V100"}
        assert container["resources"]["requests"] == {"cpu": 2.0, "memoryInGB": 4.5, "gpu": gpu}
        assert resource["tags"] == {"prefect.io.flow-name": "etl"}
        assert resource["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/id/1": {}}}
        assert resource["properties"]["subnetIds"] == [{"id": "/net/1"}]
        assert resource["properties"]["dnsConfig"] == {"nameServers": ["10.0.0.1"]}
        assert resource["properties"]["imageRegistryCredentials"] == [
            {"server": "acme.azurecr.io", "identity": "/id/1"}
        ]

    @pytest.mark.parametrize(
        ("image", "code", "words"),
        [
            ("oom", 137, "OOMKilled"),
            ("quota", 125, "Quota of StandardCores is used up"),
            ("missing", 125, 'did not start in 0.1 s: Failed to pull image "missing"'),
        ],
    )
    async def test_the_reason_is_the_clouds(self, stage: AzureStage, image: str, code: int | None, words: str) -> None:
        wanted = {**stage.image(image), "task_start_timeout_seconds": 0.1 if image == "missing" else 60}
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(wanted))).handle)
        assert ended.code == code
        assert words in ended.reason

    async def test_a_group_that_azure_takes_away_is_lost(self, stage: AzureStage) -> None:
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.image("spot")))).handle)
        assert ended.lost
        assert "Azure took the container group away: Spot capacity was preempted" in ended.reason

    async def test_trouble_passes(self, stage: AzureStage) -> None:
        stage.cloud.faults = [
            Fault(f"PUT {DEPLOYMENT}", 429),
            Fault(f"PUT {DEPLOYMENT}", 0, carried_out=True),
            *(Fault("containerGroups", status) for status in (503, 0, 429)),
        ]
        async with hosted(stage) as driver:
            ended = await driver.wait((await driver.start(job(stage.ends(0)))).handle)
        assert (ended.code, stage.cloud.faults) == (0, [])

    async def test_wrong_credentials_are_said_at_once(self, stage: AzureStage) -> None:
        wrong = {**stage.cloud.credentials(), "client_secret": "guess"}
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=r"Azure refuses the credentials.*Invalid client secret"):
                await driver.start(job(stage.image("exit-0", aci_credentials=wrong)))
