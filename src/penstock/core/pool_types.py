"""What the type of a work pool says of who starts its runs."""

from __future__ import annotations

AGENT_TYPE = "prefect-agent"
"""The type of a pool whose runs agents take."""
AGENT_POOL = "default-agent-pool"
"""The agent pool that queues and deployments are in which name none."""
PUSH = ":push"
"""How the type of a pool ends whose runs the server starts itself."""


def pushed_kind(pool_type: str) -> str | None:
    """The infrastructure of a push pool (`docker` for `docker:push`); None for a pool that workers serve."""
    return pool_type.removesuffix(PUSH) if pool_type.endswith(PUSH) else None
