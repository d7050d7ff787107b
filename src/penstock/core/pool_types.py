"""What the type of a work pool says of who starts its runs."""

from __future__ import annotations

import shlex

AGENT_TYPE = "prefect-agent"
"""The type of a pool whose runs agents take."""
AGENT_POOL = "default-agent-pool"
"""The agent pool that queues and deployments are in which name none."""
PUSH = ":push"
"""How the type of a pool ends whose runs the server starts itself."""


def pushed_kind(pool_type: str) -> str | None:
    """The infrastructure of a push pool (`docker` for `docker:push`); None for a pool that workers serve."""
    return pool_type.removesuffix(PUSH) if pool_type.endswith(PUSH) else None


def start_command(pool: str, pool_type: str) -> str | None:
    """What starts somebody who works on a pool of this type; None where the server does it itself."""
    if pool_type.endswith(PUSH):
        return None
    program = "agent" if pool_type == AGENT_TYPE else "worker"
    return f"penstock {program} start --pool {shlex.quote(pool)}"
