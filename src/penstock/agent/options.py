"""What an agent is told when it is started, and what the same is called for a worker."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from penstock.core.pool_types import AGENT_POOL


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """What `agent start` was told."""

    pool: str | None = None
    queues: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    """How the names of queues begin that are served too, once they are there."""
    limit: int | None = None
    prefetch_seconds: float | None = None
    run_once: bool = False

    @property
    def place(self) -> str:
        """The pool whose queues are served."""
        return self.pool or AGENT_POOL


def worker_command(options: AgentOptions) -> str:
    """The command of a worker that does the same, once there is a pool for workers."""
    words = ["penstock", "worker", "start", "--pool", options.pool or "NAME"]
    words += [word for queue in options.queues for word in ("--work-queue", queue)]
    if options.limit is not None:
        words += ["--limit", str(options.limit)]
    if options.prefetch_seconds is not None:
        words += ["--prefetch-seconds", f"{options.prefetch_seconds:g}"]
    return shlex.join(words + ["--run-once"] * options.run_once)
