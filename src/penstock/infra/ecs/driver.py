"""Runs jobs as tasks of AWS Elastic Container Service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar
from uuid import uuid4

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.account import Account
from penstock.infra.ecs.aws import Aws, key_of
from penstock.infra.ecs.output import Stream, stream_of
from penstock.infra.ecs.request import Tree, cluster_of, container_name, family_of, request, token
from penstock.infra.ecs.variables import AwsCredentials, EcsConfiguration, EcsVariables
from penstock.infra.ecs.verdicts import began, ending, holdup
from penstock.infra.exit_codes import NEVER_BEGAN
from penstock.infra.polling import Absent, Pace, Passing, PolledInfrastructure, RemoteJob
from penstock.infra.protocol import Exit, Job
from penstock.infra.templates import fill

SHOWN_AFTER_SECONDS = 60.0
"""So long ECS may say that it does not know a task it has just made."""
STOPPED_AFTER_SECONDS = 180.0
"""A container has at most two minutes to stop, as its definition says; then ECS kills it."""
MOST_DESCRIBED, LONGEST_REASON = 100, 255
LAST_LOOK = 3
"""How much longer than before other questions is waited for the last lines to be shown."""


class EcsInfrastructure(PolledInfrastructure):
    """The driver of kind `ecs`."""

    kind: ClassVar[str] = "ecs"
    Variables: ClassVar[type[msgspec.Struct]] = EcsVariables

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self._accounts: dict[bytes, Account] = {}

    async def attach(self, job: Job) -> RemoteJob:
        wanted = fill(EcsConfiguration, job.configuration)
        key = key_of(wanted.aws_credentials)
        if key not in self._accounts:
            aws = await asyncio.to_thread(Aws, wanted.aws_credentials or AwsCredentials())
            self._accounts.setdefault(key, Account(aws, self.pace.first))
        return EcsTask(self._accounts[key], wanted, job, self.pace)


class EcsTask:
    """One task, and how to ask for it."""

    def __init__(self, account: Account, wanted: EcsConfiguration, job: Job, pace: Pace) -> None:
        self.pid = ""
        self.poll_seconds = wanted.task_watch_poll_interval
        self._account = account
        self._aws = account.aws
        self._wanted = wanted
        self._job = job
        self._pace = pace
        self._start = uuid4().hex
        self._cluster = cluster_of(wanted)
        self._arn = ""
        self._container = ""
        self._stream: Stream | None = None
        self._registered: Tree = {}
        self._request: Tree | None = None
        self._to_deregister = ""
        self._since = asyncio.get_running_loop().time()
        self._began = False
        self._given_up = ""

    async def create(self) -> None:
        """A repeated request is the very same one, so that ECS answers with the task it has made."""
        if self._request is None:
            self._request = await self._prepared()
        try:
            answer = await self._aws.ask("ecs", "run_task", **self._request)
        except InfrastructureFailed as error:
            if "inactive" not in error.message:
                await self.tidy()
                raise
            self._account.forget(str(self._request["taskDefinition"]))
            self._request, self._registered = None, {}
            raise Passing(f"somebody has deregistered the task definition: {error.message}") from error
        if not answer.get("tasks"):
            failures = ", ".join(_failure(one) for one in answer.get("failures") or []) or "no reason was given"
            raise Passing(f"ECS could not place the task: {failures}")
        self._know(answer["tasks"][0])

    async def begin(self) -> None:
        """A task begins by itself."""

    async def exists(self) -> bool:
        if (found := await self._find()) is None:
            return False
        self._registered = await self._account.described(str(found["taskDefinitionArn"]))
        self._container = container_name(self._wanted, self._registered)
        if self._wanted.auto_deregister_task_definition and not self._wanted.task_run_request.get("taskDefinition"):
            self._to_deregister = str(found["taskDefinitionArn"])
        self._know(found)
        return True

    async def look(self) -> Exit | None:
        try:
            task = await self._account.describer(self._cluster).task(self._arn)
        except Absent:
            if self._seconds() < SHOWN_AFTER_SECONDS:
                return None
            raise
        self._began = self._began or began(task)
        if found := ending(task, self._container):
            return await self._told(found)
        if not self._began and not self._given_up and self._seconds() > self._wanted.task_start_timeout_seconds:
            seconds = f"{self._wanted.task_start_timeout_seconds:g} s (task_start_timeout_seconds)"
            reason = f"It did not begin within {seconds}, so it was stopped. {holdup(task)}"
            await self._stop(reason)
            self._given_up = reason
        return None

    async def cancel(self) -> None:
        """ECS sends SIGTERM, and SIGKILL after the container's `stopTimeout`: 30 s if the definition says nothing."""
        await self._stop("Penstock was asked to stop the run.")

    async def _stop(self, reason: str) -> None:
        await self._aws.ask("ecs", "stop_task", cluster=self._cluster, task=self._arn, reason=reason[:LONGEST_REASON])

    async def remove(self) -> None:
        """There is no other force than ECS's own, so this waits for it."""
        await self.cancel()
        deadline = asyncio.get_running_loop().time() + STOPPED_AFTER_SECONDS
        waits = self._pace.waits(self.poll_seconds)
        while asyncio.get_running_loop().time() < deadline:
            if ending(await self._account.describer(self._cluster).task(self._arn), self._container):
                await asyncio.sleep(2 * self._pace.first)  # so that its own watch sees how it ended
                return
            await asyncio.sleep(next(waits))

    async def tidy(self) -> None:
        if self._to_deregister:
            await self._aws.ask("ecs", "deregister_task_definition", taskDefinition=self._to_deregister)
            self._to_deregister = ""

    async def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        if self._stream:
            async for line in self._stream.follow(ended, self.poll_seconds, self._pace.first * LAST_LOOK):
                yield line

    async def _prepared(self) -> Tree:
        if not self._registered:
            self._registered, alone = await self._account.registered(self._wanted)
            self._to_deregister = str(self._registered["taskDefinitionArn"]) if alone else ""
        arn = str(self._registered["taskDefinitionArn"])
        self._container = container_name(self._wanted, self._registered)
        network = await self._account.network(self._wanted, self._registered)
        found = request(self._wanted, self._job, arn, self._container, self._start)
        return {**found, "networkConfiguration": network} if network else found

    def _know(self, task: dict[str, Any]) -> None:
        self._arn = str(task["taskArn"])
        self.pid = f"{self._cluster}::{self._arn}"
        self._since = asyncio.get_running_loop().time()
        self._stream = stream_of(self._aws, self._registered, self._container, self._arn)

    async def _find(self) -> dict[str, Any] | None:
        """By whom it was started: among those that run, then among the stopped of its family (kept for an hour)."""
        by = token(self._job.identity)
        running = await self._described({"startedBy": by})
        if running:
            return running[0]
        stopped = await self._described({"family": await self._family(), "desiredStatus": "STOPPED"})
        return next((one for one in stopped if one.get("startedBy") == by), None)

    async def _family(self) -> str:
        arn = self._wanted.task_run_request.get("taskDefinition")
        return str(arn).rpartition("/")[2].partition(":")[0] if arn else family_of(self._wanted)

    async def _described(self, criteria: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            listed = await self._aws.ask("ecs", "list_tasks", cluster=self._cluster, **criteria, **page)
            if arns := listed.get("taskArns"):
                told = await self._aws.ask("ecs", "describe_tasks", cluster=self._cluster, tasks=arns[:MOST_DESCRIBED])
                found += told["tasks"]
            if not listed.get("nextToken"):
                return found
            page = {"nextToken": listed["nextToken"]}

    async def _told(self, found: Exit) -> Exit:
        if self._given_up:
            found = Exit(NEVER_BEGAN, reason=self._given_up)
        return replace(found, output=await self._stream.tail() if self._stream else "")

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._since


def _failure(failure: dict[str, Any]) -> str:
    return ": ".join(str(failure[part]) for part in ("arn", "reason", "detail") if failure.get(part))
