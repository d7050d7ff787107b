"""What Penstock adds for the governance of pools: the job that would run, and each template a pool has had."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import get, post
from penstock.wire.model import Model, Write


class JobQuery(Write):
    """Whose job is wanted: a run's, a deployment's next one, or that of a run with nothing of its own.

    `job_variables` are laid over the run's, to try them out.
    """

    flow_run_id: UUID | None = None
    deployment_id: UUID | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)


class JobValue(Model):
    """A value that the job gets, and who says so: `pool`, `deployment`, `run`, or `fixed` in the template."""

    name: str
    value: Any
    source: str


class JobPreview(Model):
    """The job as it would be started, secrets hidden, and why it could not be.

    `{{ $NAME }}` stays as it is: it is the worker's environment that fills it. A worker adds the variables and
    labels that tell the job which run it is.
    """

    job_configuration: dict[str, Any]
    values: list[JobValue] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class PoolTemplate(Model):
    """A base job template that a pool has or had; numbers begin at 1, the highest is the one in use."""

    number: int
    created: datetime
    base_job_template: dict[str, Any] = field(default_factory=dict)


preview_job = post("/penstock/work_pools/{name}/job", body=JobQuery, returns=JobPreview)
list_pool_templates = get("/penstock/work_pools/{name}/templates", returns=list[PoolTemplate])
