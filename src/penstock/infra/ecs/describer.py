"""Looks at many tasks of one cluster with one question, since AWS counts questions."""

from __future__ import annotations

import asyncio
from typing import Any

from penstock.infra.ecs.aws import Aws
from penstock.infra.polling import Absent

MOST = 100
"""Tasks in one question; more are refused."""


class Describer:
    """Collects for a moment who wants to know of a task, and asks for all of them."""

    def __init__(self, aws: Aws, cluster: str, moment: float) -> None:
        self._aws = aws
        self._cluster = cluster
        self._moment = moment
        self._wanted: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def task(self, arn: str) -> dict[str, Any]:
        """The task; `Absent` when ECS does not know it, which it may do for a moment after its start too."""
        if arn not in self._wanted:
            self._wanted[arn] = asyncio.get_running_loop().create_future()
            if len(self._wanted) == 1:
                asking = asyncio.create_task(self._soon())
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
        return await asyncio.shield(self._wanted[arn])

    async def _soon(self) -> None:
        await asyncio.sleep(self._moment)
        wanted, self._wanted = self._wanted, {}
        arns = list(wanted)
        for first in range(0, len(arns), MOST):
            part = {arn: wanted[arn] for arn in arns[first : first + MOST]}
            try:
                answer = await self._aws.ask("ecs", "describe_tasks", cluster=self._cluster, tasks=list(part))
                for task in answer.get("tasks", []):
                    if waiting := part.pop(str(task["taskArn"]), None):
                        waiting.set_result(task)
                _fail(part, Absent("ECS does not know the task"))
            except Exception as error:  # whatever it is, those who asked are told
                _fail(part, error)


def _fail(part: dict[str, asyncio.Future[dict[str, Any]]], error: Exception) -> None:
    for waiting in part.values():
        if not waiting.done():
            waiting.set_exception(error)
            waiting.exception()  # who asked may have given up meanwhile
