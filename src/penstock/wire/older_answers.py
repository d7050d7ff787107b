"""What a client of Prefect 2 reads, beside the words of today (openapi-diff.md 1).

Such a client is known by its User-Agent. It passes over fields that it does not know, so today's stay; added are
those it had before, and where it tells null from empty it gets null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from penstock.wire.deployments import Deployment
from penstock.wire.model import encode
from penstock.wire.schedules import DeploymentSchedule

Addition = Callable[[dict[str, Any]], None]


def older(returns: Any) -> Callable[[bytes], bytes] | None:
    """What adds the fields of Prefect 2 to an endpoint's answers; None where there are none."""
    add = _ADDITIONS.get(returns)
    return None if add is None else lambda answer: _with(add, answer)


def _with(add: Addition, answer: bytes) -> bytes:
    decoded = msgspec.json.decode(answer)
    for one in decoded if isinstance(decoded, list) else [decoded]:
        add(one)
    return encode(decoded)


def _deployment(answer: dict[str, Any]) -> None:
    """A deployment had one schedule, which was active while the deployment was not paused."""
    schedules = answer["schedules"]
    answer["infra_overrides"] = answer["job_variables"]
    answer.setdefault("manifest_path", None)
    answer["schedule"] = schedules[0]["schedule"] if schedules else None
    answer["is_schedule_active"] = not answer["paused"]
    answer["pull_steps"] = answer["pull_steps"] or None
    for one in schedules:
        _schedule(one)


def _schedule(answer: dict[str, Any]) -> None:
    """What Prefect 2 took from clients and did nothing with."""
    answer["max_active_runs"] = None
    answer["catchup"] = False


_ADDITIONS: dict[Any, Addition] = {
    Deployment: _deployment,
    list[Deployment]: _deployment,
    list[DeploymentSchedule]: _schedule,
}
