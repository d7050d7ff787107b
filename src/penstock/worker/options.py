"""What a worker is told when it is started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What `worker start` was told."""

    pool: str
    name: str | None = None
    queues: list[str] = field(default_factory=list)
    kind: str | None = None
    limit: int | None = None
    prefetch_seconds: float | None = None
    run_once: bool = False
    with_healthcheck: bool = False
    base_job_template: dict[str, Any] | None = None
    create_pool: bool = True
    labels: dict[str, str] = field(default_factory=dict)
