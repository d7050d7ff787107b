"""Push pools are provisioned from the command line: a plan, nothing without consent, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import InfrastructureFailed
from penstock.provision.modal import ModalProvisioner
from penstock.provision.plan import provisioner
from tests.cli.test_journey import bad, ok, read
from tests.live import ecs, modal
from tests.live.ecs import Ecs
from tests.live.programs import Shell, penstock
from tests.live.servers import running


@pytest.fixture(scope="module")
def aws() -> Iterator[Ecs]:
    with ecs.served() as found:
        yield found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        yield server.shell(tmp_path_factory.mktemp("project"))


@pytest.fixture(autouse=True)
def account(aws: Ecs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own credentials, as AWS's tools find them."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.address,
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "s3cr3t",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)


CREATE = ("work-pool", "create", "tasks", "--type", "ecs:push", "--provision-infra")


def defaults(shell: Shell) -> dict[str, Any]:
    properties = read(shell, "work-pool", "inspect", "tasks")["base_job_template"]["variables"]["properties"]
    return {name: one["default"] for name, one in properties.items() if "default" in one}


def test_ecs(shell: Shell, aws: Ecs) -> None:
    said = bad(shell, *CREATE)
    assert "nobody to ask: say --yes" in said
    assert aws.client("iam").list_users()["Users"] == []

    said = ok(shell, *CREATE, "--yes")
    for made in ("ECS cluster", "IAM role", "IAM user", "Block of type aws-credentials"):
        assert made in said
    [user] = aws.client("iam").list_users()["Users"]
    assert user["UserName"] == "penstock-tasks"
    allowed = aws.client("iam").get_user_policy(UserName="penstock-tasks", PolicyName="penstock")["PolicyDocument"]
    role = aws.client("iam").get_role(RoleName="PenstockEcsTaskExecution")["Role"]
    assert allowed["Statement"][1] == {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role["Arn"]}

    found = defaults(shell)
    assert (found["cluster"], found["execution_role_arn"]) == ("penstock", role["Arn"])
    assert found["vpc_id"].startswith("vpc-")
    assert set(found["aws_credentials"]) == {"$ref"}

    again = ok(shell, "work-pool", "provision-infra", "tasks")
    assert "would be made" not in again
    assert len(aws.client("iam").list_access_keys(UserName="penstock-tasks")["AccessKeyMetadata"]) == 1
    assert defaults(shell) == found


def test_what_is_gone_is_made_again(shell: Shell, aws: Ecs) -> None:
    aws.client("ecs").delete_cluster(cluster="penstock")
    said = ok(shell, "work-pool", "provision-infra", "tasks", "--yes")
    assert "Made the ECS cluster 'penstock'" in said
    assert "Made the IAM" not in said


def test_types_that_can_not_be_provisioned_are_told(shell: Shell) -> None:
    said = bad(shell, "work-pool", "create", "boxes", "--type", "docker:push", "--provision-infra")
    types = "azure-container-instance:push, cloud-run:push, cloud-run-v2:push, ecs:push"
    assert f"not available for work pools of type 'docker:push', only for {types}" in said


async def test_modal_takes_the_token_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with modal.served() as (_, url):
        monkeypatch.setenv("MODAL_SERVER_URL", url)
        monkeypatch.setenv("MODAL_TOKEN_ID", modal.TOKEN_ID)
        monkeypatch.setenv("MODAL_TOKEN_SECRET", modal.TOKEN_SECRET)
        cloud = provisioner("modal:push", "m")
        assert await cloud.plan() == []
        assert await cloud.credentials() == {"token_id": modal.TOKEN_ID, "token_secret": modal.TOKEN_SECRET}
        monkeypatch.setenv("MODAL_TOKEN_SECRET", "guess")
        with pytest.raises(InfrastructureFailed, match="malformed"):
            await ModalProvisioner().plan()
