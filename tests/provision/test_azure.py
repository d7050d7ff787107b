"""What the push pools of Container Instances need is made in a subscription, once, from the group to the secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.azure import GRAPH, sign_in
from penstock.infra.polling import Pace
from penstock.provision.azure import CONTRIBUTOR, ContainerInstanceProvisioner
from penstock.provision.plan import Resource, carry_out
from tests.live.azure import SUBSCRIPTION, TENANT
from tests.live.azure_subscription import SubscriptionDouble
from tests.live.certificates import certificate
from tests.live.cloud_http import Fault, served

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/penstock"


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[SubscriptionDouble]:
    keys = certificate(tmp_path_factory.mktemp("tls"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(keys[0]))
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    monkeypatch.setenv("AZURE_DEFAULTS_LOCATION", "westeurope")
    double = SubscriptionDouble()
    with served(double, keys) as double.url:
        yield double


def provisioner(cloud: SubscriptionDouble) -> ContainerInstanceProvisioner:
    me = cloud.credentials()
    accounts = sign_in(me, cloud.url), sign_in(me, cloud.url, GRAPH)
    return ContainerInstanceProvisioner("o'jobs", *accounts, Pace(first=0.005))


def seen(plan: list[Resource]) -> list[bool]:
    return [one.exists for one in plan]


async def test_all_is_made_once(cloud: SubscriptionDouble) -> None:
    azure = provisioner(cloud)
    plan = await azure.plan()
    assert seen(plan) == [False] * 5
    assert {asked.method for asked in cloud.asked if TENANT not in asked.path} == {"GET"}
    cloud.faults = [Fault("PUT /subscriptions", 503), Fault("addPassword", 429)]
    made: list[str] = []
    await carry_out(plan, lambda one: made.append(f"{one.what} {one.name}"))
    assert made == [
        "Resource provider Microsoft.ContainerInstance",
        "Resource group penstock",
        "Application penstock-o'jobs",
        "Service principal penstock-o'jobs",
        "Role of the principal Contributor of penstock",
    ]
    assert cloud.made.pop(GROUP) == {"location": "westeurope"}
    [(path, role)] = cloud.made.items()
    assert path.startswith(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/penstock/providers/Microsoft.Authorization")
    assert role["properties"]["principalId"] == "servicePrincipals-0"
    assert role["properties"]["roleDefinitionId"].endswith(CONTRIBUTOR)
    block = await azure.credentials()
    assert block == {"tenant_id": TENANT, "client_id": "app-0", "client_secret": "secret-0"}
    assert await azure.defaults() == {"subscription_id": SUBSCRIPTION, "resource_group_name": "penstock"}
    cloud.made[GROUP] = {}
    assert seen(await provisioner(cloud).plan()) == [True] * 5


async def test_a_role_of_a_principal_that_is_too_new_is_tried_again(cloud: SubscriptionDouble) -> None:
    plan = await provisioner(cloud).plan()
    cloud.too_new = 2
    await carry_out(plan, lambda one: None)
    assert len(cloud.made) == 2


async def test_a_machine_without_an_account_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InfrastructureFailed, match="No account of Azure was found on this machine: sign in with `az"):
        await ContainerInstanceProvisioner("jobs").plan()


async def test_the_subscription_must_be_clear(cloud: SubscriptionDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.subscriptions.append({"subscriptionId": "other", "tenantId": TENANT, "displayName": "Other"})
    with pytest.raises(InfrastructureFailed, match=r"Say in AZURE_SUBSCRIPTION_ID .* seen: .*, other \(Other\)\."):
        await provisioner(cloud).plan()
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
    assert seen(await provisioner(cloud).plan()) == [False] * 5
