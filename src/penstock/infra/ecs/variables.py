"""What may be set for a task; names, types and defaults are those of Prefect's template."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

LaunchType = Literal["FARGATE", "EC2", "EXTERNAL", "FARGATE_SPOT"]


class AwsClientParameters(msgspec.Struct, frozen=True, kw_only=True):
    """How AWS is reached, where that is not the usual way."""

    api_version: str | None = None
    use_ssl: bool = True
    verify: bool | str = True
    verify_cert_path: str | None = None
    endpoint_url: str | None = None
    config: dict[str, Any] | None = None


class AwsCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a block of type `aws-credentials`; what is not set comes from where the driver runs."""

    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None
    profile_name: str | None = None
    region_name: str | None = None
    aws_client_parameters: AwsClientParameters | None = None


class CapacityProvider(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One part of a capacity provider strategy."""

    capacity_provider: str
    weight: int
    base: int


class EcsVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `ecs`."""

    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    task_definition_arn: Annotated[str | None, Meta(title="Task Definition Arn")] = None
    aws_credentials: Annotated[AwsCredentials | None, Meta(title="AWS Credentials")] = None
    cluster: Annotated[str | None, Meta(title="Cluster")] = None
    family: Annotated[str | None, Meta(title="Family")] = None
    launch_type: Annotated[LaunchType, Meta(title="Launch Type")] = "FARGATE"
    capacity_provider_strategy: Annotated[list[CapacityProvider] | None, Meta(title="Capacity Provider Strategy")] = (
        None
    )
    image: Annotated[str | None, Meta(title="Image")] = None
    cpu: Annotated[int | None, Meta(title="CPU")] = None
    memory: Annotated[int | None, Meta(title="Memory")] = None
    container_name: Annotated[str | None, Meta(title="Container Name")] = None
    task_role_arn: Annotated[str | None, Meta(title="Task Role ARN")] = None
    execution_role_arn: Annotated[str | None, Meta(title="Execution Role ARN")] = None
    vpc_id: Annotated[str | None, Meta(title="VPC ID")] = None
    configure_cloudwatch_logs: Annotated[bool | None, Meta(title="Configure Cloudwatch Logs")] = None
    cloudwatch_logs_options: Annotated[dict[str, str] | None, Meta(title="Cloudwatch Logs Options")] = None
    cloudwatch_logs_prefix: Annotated[str | None, Meta(title="Cloudwatch Logs Prefix")] = None
    network_configuration: Annotated[dict[str, Any] | None, Meta(title="Network Configuration")] = None
    stream_output: Annotated[bool | None, Meta(title="Stream Output")] = None
    task_start_timeout_seconds: Annotated[int, Meta(title="Task Start Timeout Seconds")] = 300
    task_watch_poll_interval: Annotated[float, Meta(title="Task Watch Poll Interval")] = 5.0
    auto_deregister_task_definition: Annotated[bool, Meta(title="Auto Deregister Task Definition")] = False
    match_latest_revision_in_family: Annotated[bool, Meta(title="Match Latest Revision In Family")] = False


class EcsConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The job configuration that the template makes of those."""

    task_run_request: dict[str, Any]
    task_definition: dict[str, Any] | None = None
    name: str | None = None
    labels: dict[str, str] | None = None
    command: str | None = None
    aws_credentials: AwsCredentials | None = None
    cluster: str | None = None
    container_name: str | None = None
    vpc_id: str | None = None
    configure_cloudwatch_logs: bool | None = None
    cloudwatch_logs_options: dict[str, str] | None = None
    cloudwatch_logs_prefix: str | None = None
    network_configuration: dict[str, Any] | None = None
    task_start_timeout_seconds: float = 300
    task_watch_poll_interval: float = 5.0
    auto_deregister_task_definition: bool = False
    match_latest_revision_in_family: bool = False
