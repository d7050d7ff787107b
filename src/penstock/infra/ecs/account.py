"""What tasks of one AWS account share: registered definitions, networks, and the questions after tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.aws import Aws
from penstock.infra.ecs.describer import Describer
from penstock.infra.ecs.request import Tree, definition, on_fargate, same
from penstock.infra.ecs.variables import EcsConfiguration
from penstock.infra.polling import Absent

LONGEST_MOMENT = 0.5


class Account:
    """One account and region, with what is already known of it."""

    def __init__(self, aws: Aws, moment: float) -> None:
        self.aws = aws
        self._moment = min(moment, LONGEST_MOMENT)
        self._definitions: dict[bytes, Tree] = {}
        self._networks: dict[str, list[str]] = {}
        self._describers: dict[str, Describer] = {}
        self._registering = asyncio.Lock()

    def describer(self, cluster: str) -> Describer:
        """Who looks at the tasks of a cluster."""
        if cluster not in self._describers:
            self._describers[cluster] = Describer(self.aws, cluster, self._moment)
        return self._describers[cluster]

    async def registered(self, wanted: EcsConfiguration) -> tuple[Tree, bool]:
        """The definition a job's task is to have, and whether it was registered for this job alone.

        Runs of the same definition share it: it is registered once, or found as the latest of its family.
        """
        if arn := wanted.task_run_request.get("taskDefinition"):
            return await self.described(str(arn)), False
        found = definition(wanted, self.aws.region)
        if wanted.auto_deregister_task_definition:
            return await self._register(found), True
        key = msgspec.json.encode(found, order="sorted")
        async with self._registering:
            if key not in self._definitions:
                latest = await self._latest(found) if wanted.match_latest_revision_in_family else None
                self._definitions[key] = latest or await self._register(found)
        return self._definitions[key], False

    async def described(self, arn: str) -> Tree:
        """A registered definition."""
        answer = await self.aws.ask("ecs", "describe_task_definition", taskDefinition=arn)
        return dict(answer["taskDefinition"])

    def forget(self, arn: str) -> None:
        """A definition that ECS does not take any more is registered anew by the next job."""
        self._definitions = {key: one for key, one in self._definitions.items() if one["taskDefinitionArn"] != arn}

    async def network(self, wanted: EcsConfiguration, registered: Mapping[str, Any]) -> Tree | None:
        """Where in the network the task is; None where its definition needs no place in it."""
        if given := wanted.task_run_request.get("networkConfiguration"):
            return dict(given)
        if registered.get("networkMode") != "awsvpc":
            return None
        if wanted.network_configuration:
            return {"awsvpcConfiguration": wanted.network_configuration}
        public = {"assignPublicIp": "ENABLED"} if on_fargate(wanted) else {}
        return {"awsvpcConfiguration": {"subnets": await self._subnets(wanted.vpc_id), **public}}

    async def _subnets(self, vpc: str | None) -> list[str]:
        if (vpc or "") not in self._networks:
            at = vpc or await self._default_vpc()
            filters = [{"Name": "vpc-id", "Values": [at]}]
            subnets = (await self.aws.ask("ec2", "describe_subnets", Filters=filters))["Subnets"]
            if not subnets:
                raise InfrastructureFailed(f"The VPC {at!r} has no subnet. Set `vpc_id` or `network_configuration`.")
            self._networks[vpc or ""] = [str(one["SubnetId"]) for one in subnets]
        return self._networks[vpc or ""]

    async def _default_vpc(self) -> str:
        filters = [{"Name": "isDefault", "Values": ["true"]}]
        found = (await self.aws.ask("ec2", "describe_vpcs", Filters=filters))["Vpcs"]
        if not found:
            raise InfrastructureFailed(
                f"The region {self.aws.region} has no default VPC. Set `vpc_id` or `network_configuration`."
            )
        return str(found[0]["VpcId"])

    async def _latest(self, wanted: Tree) -> Tree | None:
        try:
            latest = await self.described(wanted["family"])
        except (Absent, InfrastructureFailed):  # ECS calls a family without revisions a mistake of the client
            return None
        return latest if same(wanted, latest) else None

    async def _register(self, wanted: Tree) -> Tree:
        return dict((await self.aws.ask("ecs", "register_task_definition", **wanted))["taskDefinition"])
