"""The task definition and the request to run a task, out of a pool's template."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.request import START, definition, request, same
from penstock.infra.ecs.variables import EcsConfiguration
from penstock.infra.protocol import Job
from tests.contracts.infra.clouds import filled

ARN = "arn:aws:ecs:eu-central-1:1:task-definition/f:1"
JOB = Job(identity="run-1", configuration={}, env={"A": "1", "TOKEN": "mine"}, command=["go"])


def wanted(**variables: Any) -> EcsConfiguration:
    return msgspec.convert(filled("ecs", **{"image": "i", **variables}), EcsConfiguration)


def changed(configuration: EcsConfiguration, **parts: Any) -> EcsConfiguration:
    return msgspec.structs.replace(configuration, **parts)


def test_a_machine_of_ones_own_needs_no_network_of_its_own() -> None:
    found = definition(wanted(launch_type="EC2", cpu=256), "eu-central-1")
    assert "networkMode" not in found
    assert "requiresCompatibilities" not in found
    assert (found["cpu"], found["memory"]) == ("256", "2048")
    assert request(wanted(launch_type="EC2"), JOB, ARN, "penstock", "s")["launchType"] == "EC2"


def test_a_strategy_takes_the_place_of_a_launch_type() -> None:
    strategy = [{"capacityProvider": "mine", "weight": 1, "base": 0}]
    configuration = wanted(capacity_provider_strategy=strategy)
    sent = request(configuration, JOB, ARN, "penstock", "s")
    assert sent["capacityProviderStrategy"] == strategy
    assert "launchType" not in sent
    assert "networkMode" not in definition(configuration, "r")


def test_what_the_template_fixes_is_not_overridden() -> None:
    configuration = wanted(command="echo 'a b'")
    template = configuration.task_run_request
    template["overrides"]["containerOverrides"][0]["environment"] = [{"name": "TOKEN", "value": "fixed"}]
    template["tags"] = [{"key": "team", "value": "data"}]
    sent = request(configuration, JOB, ARN, "main", "s")
    [override] = sent["overrides"]["containerOverrides"]
    assert override["name"] == "main"
    assert override["command"] == ["echo", "a b"]
    assert override["environment"] == [{"name": "TOKEN", "value": "fixed"}, {"name": "A", "value": "1"}]
    assert sent["tags"] == [{"key": "team", "value": "data"}, {"key": START, "value": "s"}]


def test_ecs_takes_fifty_tags_in_its_own_letters() -> None:
    labels = {f"prefect.io/{number}?": "x" * 300 for number in range(80)}
    sent = request(changed(wanted(), labels=labels), JOB, ARN, "penstock", "s")
    assert len(sent["tags"]) == 50
    assert sent["tags"][0] == {"key": "prefect.io/0-", "value": "x" * 256}
    assert sent["tags"][-1]["key"] == START


def test_deployments_do_not_share_a_family() -> None:
    labels = {"prefect.io/work-pool-name": "my pool", "prefect.io/deployment-id": "d-1"}
    assert definition(changed(wanted(), labels=labels), "r")["family"] == "penstock_my-pool_d-1"
    assert definition(wanted(family="mine"), "r")["family"] == "mine"
    assert definition(wanted(), "r")["family"] == "penstock"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"containerDefinitions": [{"image": "i", "name": "penstock", "essential": True, "cpu": 0}]}, True),
        ({"containerDefinitions": [{"image": "j", "name": "penstock", "essential": True}]}, False),
        ({"containerDefinitions": [{"image": "i", "name": "penstock", "essential": True}], "cpu": "512"}, False),
    ],
)
def test_what_ecs_adds_makes_no_other_definition(there: dict[str, Any], expected: bool) -> None:
    found = definition(wanted(launch_type="EC2"), "r")
    assert same(found, {"cpu": "1024", "memory": "2048", **there}) is expected


def test_logs_need_a_role_that_may_write_them() -> None:
    with pytest.raises(InfrastructureFailed, match="execution_role_arn"):
        definition(wanted(configure_cloudwatch_logs=True), "r")
