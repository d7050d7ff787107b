"""A task's output, where its definition has it sent to CloudWatch Logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.aws import Aws
from penstock.infra.polling import Absent, Passing
from penstock.infra.protocol import Exit

TAIL_LINES, TAIL_BYTES = 20, 4096
LAST_LOOKS = 2
"""CloudWatch shows what it is sent a little later."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the lines of one container are."""

    aws: Aws
    group: str
    name: str

    async def tail(self) -> str:
        """The last lines; nothing when they can't be read."""
        try:
            events, _ = await self._page(startFromHead=False, limit=TAIL_LINES)
        except (Passing, Absent, InfrastructureFailed):
            return ""
        return "\n".join(events)[-TAIL_BYTES:]

    async def follow(self, ended: asyncio.Future[Exit], seconds: float, last: float) -> AsyncIterator[bytes]:
        """Every line from the beginning, until the task has ended and nothing more has come.

        `seconds` lie between two looks where nothing is new, and `last` once the task has ended.
        """
        at: dict[str, str] = {}
        silent = 0
        while silent < LAST_LOOKS:
            over = ended.done()
            try:
                events, token = await self._page(startFromHead=True, **at)
            except InfrastructureFailed:
                return
            except (Passing, Absent):
                events, token = [], ""
            at = {"nextToken": token} if token else at
            for line in events:
                yield line.encode() + b"\n"
            silent = silent + 1 if over and not events else 0
            if not events:
                await (asyncio.sleep(last) if over else asyncio.wait({ended}, timeout=seconds))

    async def _page(self, **options: Any) -> tuple[list[str], str]:
        answer = await self.aws.ask(
            "logs", "get_log_events", logGroupName=self.group, logStreamName=self.name, **options
        )
        return [str(event["message"]) for event in answer["events"]], str(answer.get("nextForwardToken") or "")


def stream_of(aws: Aws, registered: Mapping[str, Any], container: str, arn: str) -> Stream | None:
    """Where a task's lines go by its definition; None when that is not CloudWatch."""
    containers: list[dict[str, Any]] = registered.get("containerDefinitions") or []
    found = next((one for one in containers if one.get("name") == container), {})
    logging = found.get("logConfiguration") or {}
    options = logging.get("options") or {}
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if logging.get("logDriver") != "awslogs" or not group or not prefix:
        return None
    return Stream(aws, str(group), f"{prefix}/{container}/{arn.rpartition('/')[2]}")
