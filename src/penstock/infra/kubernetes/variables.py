"""What may be set for a job in a cluster; names, types and defaults are those of Prefect's template."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

PullPolicy = Literal["IfNotPresent", "Always", "Never"]


class KubernetesClusterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a block of type `kubernetes-cluster-config`: a kubeconfig, and which of its contexts."""

    config: dict[str, Any]
    context_name: str


class KubernetesVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `kubernetes`."""

    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    namespace: Annotated[str, Meta(title="Namespace")] = "default"
    image: Annotated[str | None, Meta(title="Image")] = None
    service_account_name: Annotated[str | None, Meta(title="Service Account Name")] = None
    image_pull_policy: Annotated[PullPolicy, Meta(title="Image Pull Policy")] = "IfNotPresent"
    finished_job_ttl: Annotated[int | None, Meta(title="Finished Job TTL")] = None
    job_watch_timeout_seconds: Annotated[int | None, Meta(title="Job Watch Timeout Seconds")] = None
    pod_watch_timeout_seconds: Annotated[int, Meta(title="Pod Watch Timeout Seconds")] = 60
    stream_output: Annotated[bool, Meta(title="Stream Output")] = True
    cluster_config: Annotated[KubernetesClusterConfig | None, Meta(title="Cluster Config")] = None
    cpu_request: Annotated[str | None, Meta(title="CPU Request")] = None
    cpu_limit: Annotated[str | None, Meta(title="CPU Limit")] = None
    memory_request: Annotated[str | None, Meta(title="Memory Request")] = None
    memory_limit: Annotated[str | None, Meta(title="Memory Limit")] = None


class KubernetesConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The job configuration that the template makes of those."""

    job_manifest: dict[str, Any]
    name: str | None = None
    labels: dict[str, str] | None = None
    command: str | None = None
    namespace: str | None = None
    cluster_config: KubernetesClusterConfig | None = None
    job_watch_timeout_seconds: float | None = None
    pod_watch_timeout_seconds: float = 60
