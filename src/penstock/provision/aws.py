"""What `ecs:push` needs in AWS: a cluster, a role for what ECS does for a task, and a user who may start tasks.

It is made with the credentials of whoever runs the command. The network is the account's default one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.aws import Aws
from penstock.infra.ecs.variables import AwsCredentials
from penstock.infra.polling import Absent, Pace, patiently
from penstock.provision.plan import Resource

CLUSTER = "penstock"
ROLE = "PenstockEcsTaskExecution"
POLICY = "penstock"
LONGEST_USER = 64
TASKS = [
    *("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:ListTasks", "ecs:TagResource"),
    *("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"),
    *("ec2:DescribeVpcs", "ec2:DescribeSubnets", "logs:GetLogEvents"),
]
"""What the server does as the user."""
PULLS = [
    *("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"),
    *("ecr:BatchGetImage", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
]
"""What ECS does for a task: fetch its image and keep its output."""
ECS_ITSELF = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}


class EcsProvisioner:
    """One pool's part of an AWS account and region: those of the machine, as AWS's own tools find them."""

    def __init__(self, pool: str, aws: Aws | None = None, pace: Pace | None = None) -> None:
        self._aws = aws or Aws(AwsCredentials())
        self._pace = pace or Pace()
        self._user = f"penstock-{pool}"[:LONGEST_USER]

    async def plan(self) -> list[Resource]:
        await self._default_network()
        user = await self._there("get_user", UserName=self._user)
        policy = user and await self._there("get_user_policy", UserName=self._user, PolicyName=POLICY)
        role = await self._there("get_role", RoleName=ROLE)
        pulls = role and await self._there("get_role_policy", RoleName=ROLE, PolicyName=POLICY)
        return [
            Resource("ECS cluster", CLUSTER, await self._cluster_exists(), self._make_cluster),
            Resource("IAM role", ROLE, role, self._make_role),
            Resource("IAM policy of the role", POLICY, pulls, self._allow_pulls),
            Resource("IAM user", self._user, user, partial(self._iam, "create_user", UserName=self._user)),
            Resource("IAM policy of the user", POLICY, policy, self._allow_tasks),
        ]

    async def credentials(self) -> dict[str, Any]:
        made = (await self._ask("iam", "create_access_key", UserName=self._user))["AccessKey"]
        return {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "region_name": self._aws.region,
        }

    async def defaults(self) -> dict[str, Any]:
        role = (await self._ask("iam", "get_role", RoleName=ROLE))["Role"]
        return {"cluster": CLUSTER, "execution_role_arn": role["Arn"], "vpc_id": await self._default_network()}

    async def _default_network(self) -> str:
        filters = [{"Name": "is-default", "Values": ["true"]}]
        found = (await self._ask("ec2", "describe_vpcs", Filters=filters))["Vpcs"]
        if not found:
            raise InfrastructureFailed(
                f"AWS has no default VPC in {self._aws.region}: make one with `aws ec2 create-default-vpc`."
            )
        return str(found[0]["VpcId"])

    async def _cluster_exists(self) -> bool:
        found = (await self._ask("ecs", "describe_clusters", clusters=[CLUSTER]))["clusters"]
        return any(one["status"] == "ACTIVE" for one in found)

    async def _make_cluster(self) -> None:
        await self._ask("ecs", "create_cluster", clusterName=CLUSTER)

    async def _make_role(self) -> None:
        await self._iam("create_role", RoleName=ROLE, AssumeRolePolicyDocument=_policy(ECS_ITSELF))

    async def _allow_pulls(self) -> None:
        allowed = _policy({"Effect": "Allow", "Action": PULLS, "Resource": "*"})
        await self._iam("put_role_policy", RoleName=ROLE, PolicyName=POLICY, PolicyDocument=allowed)

    async def _allow_tasks(self) -> None:
        role = (await self._ask("iam", "get_role", RoleName=ROLE))["Role"]["Arn"]
        allowed = _policy(
            {"Effect": "Allow", "Action": TASKS, "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role},
        )
        await self._iam("put_user_policy", UserName=self._user, PolicyName=POLICY, PolicyDocument=allowed)

    async def _iam(self, operation: str, **arguments: Any) -> None:
        await self._ask("iam", operation, **arguments)

    async def _there(self, operation: str, **arguments: Any) -> bool:
        try:
            await self._ask("iam", operation, **arguments)
        except Absent:
            return False
        return True

    async def _ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        ask: Callable[[], Awaitable[dict[str, Any]]] = partial(self._aws.ask, service, operation, **arguments)
        return await patiently(ask, self._pace)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
