"""What may be set for a container group; names, defaults and what is required are those of Prefect's template."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta


class ContainerInstanceVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `azure-container-instance`."""

    resource_group_name: Annotated[str, Meta(title="Azure Resource Group Name")]
    subscription_id: Annotated[str, Meta(title="Azure Subscription ID")]
    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    image: Annotated[str | None, Meta(title="Image")] = None
    identities: Annotated[list[str] | None, Meta(title="Identities")] = None
    entrypoint: Annotated[str | None, Meta(title="Entrypoint")] = "/opt/prefect/entrypoint.sh"
    image_registry: Annotated[dict[str, Any] | None, Meta(title="Image Registry (Optional)")] = None
    cpu: Annotated[float, Meta(title="CPU")] = 1.0
    gpu_count: Annotated[int | None, Meta(title="GPU Count")] = None
    gpu_sku: Annotated[str | None, Meta(title="GPU SKU")] = None
    memory: Annotated[float, Meta(title="Memory")] = 1.0
    subnet_ids: Annotated[list[str] | None, Meta(title="Subnet IDs")] = None
    dns_servers: Annotated[list[str] | None, Meta(title="DNS Servers")] = None
    aci_credentials: Annotated[dict[str, Any] | None, Meta(title="Aci Credentials")] = None
    stream_output: Annotated[bool, Meta(title="Stream Output")] = False
    task_start_timeout_seconds: Annotated[int, Meta(title="Task Start Timeout Seconds")] = 240
    task_watch_poll_interval: Annotated[float, Meta(title="Task Watch Poll Interval")] = 5.0


class ContainerInstanceConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The job configuration that the template makes of them; the numbers stand in `arm_template`."""

    resource_group_name: str
    subscription_id: str
    arm_template: dict[str, Any]
    labels: dict[str, str] | None = None
    command: str | None = None
    entrypoint: str | None = None
    identities: list[str] | None = None
    image_registry: dict[str, Any] | None = None
    gpu_count: int | None = None
    gpu_sku: str | None = None
    subnet_ids: list[str] | None = None
    dns_servers: list[str] | None = None
    aci_credentials: dict[str, Any] | None = None
    task_start_timeout_seconds: float = 240
    task_watch_poll_interval: float = 5.0
