"""What a deployment will be, before anything is sent: the one thing that `prefect.yaml`, `flow.deploy()` and
`.serve()` all become. `deployment_values` makes it; a client applies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET

from penstock.core.automation_shapes import EVENT_TRIGGER
from penstock.core.parameters import parameter_schema
from penstock.core.schedules import seconds_of
from penstock.wire.automations import AutomationCreate
from penstock.wire.deployments import ConcurrencyOptions, DeploymentCreate, DeploymentUpdate, VersionInfo
from penstock.wire.model import Labels
from penstock.wire.schedules import DeploymentScheduleCreate, DeploymentScheduleUpdate

SIMPLE_VERSION = "prefect:simple"
OWNER = "prefect.deployment"
# What a trigger of the file says beside the trigger itself.
_OF_AUTOMATION = ("name", "description", "enabled", "parameters", "job_variables", "schedule_after")


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """One flow as a deployment sees it; `warning` says why it could only be read, not imported."""

    name: str
    version: str | None
    description: str | None
    parameter_schema: dict[str, Any]
    warning: str | None = None

    @classmethod
    def of(cls, flow: Any) -> FlowFacts:
        """The facts of a flow object, ours or Prefect's."""
        return cls(flow.name, flow.version, flow.description, parameter_schema(flow.fn))


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """A schedule to be; None is what nobody said."""

    schedule: dict[str, Any]
    active: bool | None = None
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] | None = None
    slug: str | None = None
    replaces: str | None = None

    def create(self) -> DeploymentScheduleCreate:
        """As a new deployment's schedule."""
        return DeploymentScheduleCreate(
            schedule=self.schedule,
            active=self.active is not False,
            max_scheduled_runs=self.max_scheduled_runs,
            parameters=self.parameters or {},
            slug=self.slug,
            replaces=self.replaces,
        )

    def update(self) -> DeploymentScheduleUpdate:
        """As a change: what is not said stays as it is on the server."""
        return DeploymentScheduleUpdate(
            schedule=self.schedule,
            active=UNSET if self.active is None else self.active,
            max_scheduled_runs=UNSET if self.max_scheduled_runs is None else self.max_scheduled_runs,
            parameters=UNSET if self.parameters is None else self.parameters,
            slug=UNSET if self.slug is None else self.slug,
            replaces=UNSET if self.replaces is None else self.replaces,
        )


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """One deployment to be; `warnings` is what its author should know."""

    flow_name: str
    name: str
    entrypoint: str | None
    version: str | None = None
    version_type: str | None = None
    description: str | None = None
    path: str | None = None
    tags: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    parameter_schema: dict[str, Any] = field(default_factory=dict)
    enforce_parameter_schema: bool = True
    schedules: list[PlannedSchedule] = field(default_factory=list)
    paused: bool = False
    concurrency_limit: int | None = None
    concurrency_options: ConcurrencyOptions | None = None
    hosting: dict[str, Any] = field(default_factory=dict)
    """What is said of runs that are lost or cancelled, by the API's names: fields that only Penstock has."""
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = field(default_factory=dict)
    pull_steps: list[dict[str, Any]] = field(default_factory=list)
    triggers: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    built: dict[str, str] = field(default_factory=dict)
    """The image that steps built for it, and its digest, as they told."""
    made_at: datetime | None = None
    """When the plan was made, from when intervals count that were given no anchor."""

    @property
    def full_name(self) -> str:
        return f"{self.flow_name}/{self.name}"

    @property
    def version_info(self) -> VersionInfo | None:
        return VersionInfo(type=self.version_type or SIMPLE_VERSION, version=self.version) if self.version else None

    def create(self, flow_id: UUID, labels: Labels | None = None) -> DeploymentCreate:
        """The body that creates the deployment."""
        return DeploymentCreate(
            name=self.name,
            flow_id=flow_id,
            paused=self.paused,
            schedules=[one.create() for one in self.schedules],
            concurrency_limit=self.concurrency_limit,
            concurrency_options=self.concurrency_options,
            enforce_parameter_schema=self.enforce_parameter_schema,
            parameter_openapi_schema=self.parameter_schema,
            parameters=self.parameters,
            tags=self.tags,
            labels=labels or {},
            pull_steps=self.pull_steps,
            work_queue_name=self.work_queue_name,
            work_pool_name=self.work_pool_name,
            description=self.description,
            path=self.path,
            version=self.version,
            entrypoint=self.entrypoint,
            job_variables=self.job_variables,
            version_info=self.version_info,
            **self.hosting,
        )

    def update(self) -> DeploymentUpdate:
        """The body that brings an existing deployment to this plan.

        No schedules leaves those on the server alone, as Prefect's clients do: some were added there.
        """
        return DeploymentUpdate(
            version=self.version,
            version_info=self.version_info or UNSET,
            description=self.description,
            parameters=self.parameters,
            paused=self.paused,
            schedules=[one.update() for one in self.schedules] or UNSET,
            concurrency_limit=self.concurrency_limit,
            concurrency_options=self.concurrency_options,
            tags=self.tags,
            work_queue_name=self.work_queue_name,
            work_pool_name=self.work_pool_name if self.work_pool_name else UNSET,
            job_variables=self.job_variables,
            path=self.path if self.path is not None else UNSET,
            entrypoint=self.entrypoint,
            enforce_parameter_schema=self.enforce_parameter_schema,
            parameter_openapi_schema=self.parameter_schema,
            pull_steps=self.pull_steps,
            **self.hosting,
        )

    def automations(self, deployment_id: UUID) -> list[AutomationCreate]:
        """The automations that the deployment's triggers are."""
        return [self._automation(index, one, deployment_id) for index, one in enumerate(self.triggers, 1)]

    def _automation(self, index: int, raw: Mapping[str, Any], deployment_id: UUID) -> AutomationCreate:
        action = {
            "type": "run-deployment",
            "source": "selected",
            "deployment_id": str(deployment_id),
            "parameters": raw.get("parameters"),
            "job_variables": raw.get("job_variables"),
            "schedule_after": seconds_of(raw["schedule_after"]) if raw.get("schedule_after") else 0.0,
        }
        return AutomationCreate(
            name=raw.get("name") or f"{self.name}__automation_{index}",
            description=raw.get("description") or "",
            enabled=raw.get("enabled") is not False,
            trigger=trigger_of(raw),
            actions=[action],
            owner_resource=f"{OWNER}.{deployment_id}",
        )


def built_of(outputs: Mapping[str, Any]) -> dict[str, str]:
    """What steps told of an image: its name, and its digest or else its id."""
    digest = next((outputs[name] for name in ("image_digest", "digest", "image_id") if outputs.get(name)), None)
    told = {"image": outputs.get("image"), "image_digest": digest}
    return {name: str(value) for name, value in told.items() if value}


def trigger_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger alone, without what is said of its automation beside it."""
    trigger = {key: value for key, value in raw.items() if key not in _OF_AUTOMATION}
    is_event = trigger.get("type", "event") == "event"
    return {"type": "event", **EVENT_TRIGGER, "within": 0.0, **trigger} if is_event else trigger
