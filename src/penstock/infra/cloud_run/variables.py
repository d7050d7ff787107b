"""What may be set for a job of Cloud Run; names, defaults and limits are those of Prefect's templates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Memory = Annotated[str, Meta(pattern=r"^\d+(?:G|Gi|M|Mi)$", examples=["512Mi"])]
Stage = Literal[
    "ALPHA", "BETA", "GA", "DEPRECATED", "EARLY_ACCESS", "PRELAUNCH", "UNIMPLEMENTED", "LAUNCH_TAG_UNSPECIFIED"
]


class CloudRunVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `cloud-run-v2`."""

    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    credentials: Annotated[dict[str, Any] | None, Meta(title="GCP Credentials")] = None
    region: Annotated[str, Meta(title="Region")] = "us-central1"
    image: Annotated[str, Meta(title="Image Name")] = "prefecthq/prefect:3-latest"
    args: Annotated[list[str] | None, Meta(title="Args")] = None
    keep_job: Annotated[bool, Meta(title="Keep Job After Completion")] = False
    launch_stage: Annotated[Stage, Meta(title="Launch Stage")] = "BETA"
    max_retries: Annotated[int, Meta(title="Max Retries")] = 0
    cpu: Annotated[str, Meta(title="CPU")] = "1000m"
    memory: Annotated[Memory, Meta(title="Memory")] = "512Mi"
    timeout: Annotated[int, Meta(title="Job Timeout", gt=0, le=604_800)] = 600
    vpc_connector_name: Annotated[str | None, Meta(title="VPC Connector Name")] = None
    service_account_name: Annotated[str | None, Meta(title="Service Account Name")] = None


class CloudRunV1Variables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `cloud-run`."""

    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    region: Annotated[str, Meta(title="Region")] = "us-central1"
    credentials: Annotated[dict[str, Any] | None, Meta(title="GCP Credentials")] = None
    image: Annotated[str | None, Meta(title="Image Name")] = None
    cpu: Annotated[str, Meta(title="CPU", pattern=r"^(\d*000)m$")] | None = None
    memory: Annotated[Memory, Meta(title="Memory")] | None = None
    vpc_connector_name: Annotated[str | None, Meta(title="VPC Connector Name")] = None
    service_account_name: Annotated[str | None, Meta(title="Service Account Name")] = None
    keep_job: Annotated[bool, Meta(title="Keep Job After Completion")] = False
    timeout: Annotated[int, Meta(title="Job Timeout", gt=0, le=3600)] = 600


class CloudRunConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The job configuration that both types' templates make of those."""

    job_body: dict[str, Any]
    name: str | None = None
    env: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    command: str | None = None
    credentials: dict[str, Any] | None = None
    region: str = "us-central1"
    keep_job: bool = False
    timeout: int = 600
