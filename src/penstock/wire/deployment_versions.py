"""Versions of deployments, which Penstock adds to the API: what each deploy made, kept as it was.

The current version's number stands in the deployment's labels, and so in those of every run that is made of it:
the run is carried out with the values of that version, whatever is deployed meanwhile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.deployments import Deployment, DeploymentCreate, DeploymentUpdate
from penstock.wire.endpoint import get, post
from penstock.wire.model import Labels, Model, Write

VERSION_LABEL = "penstock.deployment.version"
"""The number of the version that a deployment is at, and that a run is pinned to."""
PROJECT_LABEL = "penstock.project"
"""The name of the project whose file made the deployment, and ..."""
SOURCE_LABEL = "penstock.project.source"
"""... where that file is: the repository's address or a folder, and the path within."""


class VersionSource(Model):
    """Where a version comes from; None is what nobody knew."""

    by: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    """Whether files differed from that commit."""
    branch: str | None = None
    repository: str | None = None
    image: str | None = None
    image_digest: str | None = None


class DeploymentVersion(Model):
    """One version; numbers count from 1."""

    id: UUID
    deployment_id: UUID
    number: int
    created: datetime
    digest: str
    """SHA-256 of what was deployed: the same for the same plan."""
    version: str | None = None
    """What its author calls it."""
    source: VersionSource = VersionSource()
    restores: int | None = None
    """The version that a rollback made this one after."""
    applied: dict[str, Any] | None = None
    """The plan as its author wrote it; None where the deploying client did not tell."""
    deployment: dict[str, Any] = field(default_factory=dict)
    """What the deployment was then; a run of this version is carried out with these values."""


class KeptSchedule(Write):
    """A schedule after a deploy: one of those that are there, by its id, or a new one."""

    schedule: dict[str, Any]
    id: UUID | None = None
    active: bool = True
    max_scheduled_runs: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    slug: str | None = None


class FirstVersion(Write):
    """Makes a deployment with its first version, or a further one of the deployment of that flow and name."""

    deployment: DeploymentCreate
    applied: dict[str, Any] | None = None
    source: VersionSource = VersionSource()


class FirstVersions(Write):
    """Makes up to 50 deployments, each by itself: one that is refused keeps no other from being made."""

    deployments: list[FirstVersion]


class FirstVersionMade(Model):
    """What became of one of several: its version, or why it was refused."""

    version: DeploymentVersion | None = None
    fault: str | None = None


class NextVersion(Write):
    """Changes a deployment and makes a version of it, in one.

    `schedules`, where given, are all that there will be. `labels` are added. `based_on` is the number of the version
    that the change was worked out against: 409 when another was made since.
    """

    update: DeploymentUpdate
    schedules: list[KeptSchedule] | UnsetType = UNSET
    labels: Labels = field(default_factory=dict)
    applied: dict[str, Any] | None = None
    source: VersionSource = VersionSource()
    restores: int | None = None
    based_on: int | None = None


class DeploymentName(Write):
    """One deployment by its flow's and its own name."""

    flow_name: str
    name: str


class SurveyOfDeployments(Write):
    """Asks for up to 200 deployments at once."""

    deployments: list[DeploymentName]


class Surveyed(Model):
    """What there is of a deployment, with its newest version."""

    flow_id: UUID | None = None
    deployment: Deployment | None = None
    version: DeploymentVersion | None = None


survey_deployments = post("/penstock/deployments/survey", body=SurveyOfDeployments, returns=list[Surveyed])
create_first_version = post("/penstock/deployments", body=FirstVersion, returns=DeploymentVersion, status=201)
create_first_versions = post("/penstock/deployments/many", body=FirstVersions, returns=list[FirstVersionMade])
create_version = post("/penstock/deployments/{id}/versions", body=NextVersion, returns=DeploymentVersion, status=201)
list_versions = get("/penstock/deployments/{id}/versions", returns=list[DeploymentVersion], query=("limit",))
read_version = get("/penstock/deployments/{id}/versions/{number}", returns=DeploymentVersion)
read_pinned_deployment = get("/penstock/flow_runs/{id}/deployment", returns=Deployment)
