"""The job that a block started and the job that a pool starts, both told in the same words, to be compared.

The first is worked out from the block as its own code did it, the second from the rendered template: the two share
no step, so that equal words prove the conversion. What every run adds by itself (its ids, the server's address) is in
neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.core.infrastructure_blocks import ENGINE, Conversion, InfrastructureBlock, Remark, words
from penstock.core.job_templates import job_configuration
from penstock.core.old_manifests import cleaned, ecs_job, kubernetes_job, rendered_ecs, rendered_kubernetes

JobWords = dict[str, Any]
"""A job as facts by name; what is not set is not in it."""

SHARED = ("name", "stream_output")
PLAIN: Mapping[str, tuple[str, ...]] = {
    "process": ("working_dir",),
    "docker": ("image", "networks", "network_mode", "auto_remove", "volumes", "privileged"),
    "kubernetes": ("finished_job_ttl", "job_watch_timeout_seconds", "pod_watch_timeout_seconds"),
    "ecs": (
        "vpc_id",
        "configure_cloudwatch_logs",
        "cloudwatch_logs_options",
        "auto_deregister_task_definition",
        "task_start_timeout_seconds",
        "task_watch_poll_interval",
    ),
    "cloud-run": ("region", "keep_job", "timeout"),
    "cloud-run-v2": ("region", "keep_job", "timeout"),
    "vertex-ai": ("region", "job_watch_poll_interval"),
    "azure-container-instance": (
        "image",
        "resource_group_name",
        "identities",
        "entrypoint",
        "cpu",
        "gpu_count",
        "gpu_sku",
        "memory",
        "subnet_ids",
        "dns_servers",
        "task_start_timeout_seconds",
        "task_watch_poll_interval",
    ),
}
"""What block and pool call by the same name."""
MEANT: Mapping[str, Mapping[str, Any]] = {
    "process": {"stream_output": True},
    "docker-container": {"auto_remove": False, "stream_output": True, "privileged": False},
    "kubernetes-job": {"pod_watch_timeout_seconds": 60, "stream_output": True, "namespace": "default"},
    "ecs-task": {
        "auto_deregister_task_definition": True,
        "launch_type": "FARGATE",
        "task_start_timeout_seconds": 120,
        "task_watch_poll_interval": 5.0,
    },
    "cloud-run-job": {"keep_job": False, "timeout": 600, "max_retries": 3},
    "vertex-ai-custom-training-job": {
        "machine_type": "n1-standard-4",
        "boot_disk_type": "pd-ssd",
        "boot_disk_size_gb": 100,
        "maximum_run_time": 604800.0,
        "job_watch_poll_interval": 5.0,
    },
    "azure-container-instance-job": {
        "entrypoint": "/opt/prefect/entrypoint.sh",
        "cpu": 1.0,
        "memory": 1.0,
        "stream_output": False,
        "task_start_timeout_seconds": 240,
        "task_watch_poll_interval": 5.0,
    },
}
"""What each block meant where it said nothing."""
REMOVED = "(removed)"
"""Stands for a variable that the block took out of the environment."""
VERTEX = ("network", "reserved_ip_ranges")
MACHINE = ("machine_type", "accelerator_type", "accelerator_count")
DISK = ("boot_disk_type", "boot_disk_size_gb")


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that is not the same, and the remark that explains it, if one does."""

    place: str
    old: Any
    new: Any
    explained: Remark | None = None


def compare(
    conversion: Conversion, pool_type: str, *variables: Mapping[str, Any], old: InfrastructureBlock | None = None
) -> list[Difference]:
    """How the pool's job differs from the block's. `old` is the block with a deployment's overrides laid over it,
    where `variables` are what the same overrides became."""
    before = old_job(old or conversion.block, pool_type)
    after = new_job(conversion.template, pool_type, *variables)
    return explained(before, after, conversion.remarks)


def explained(old: JobWords, new: JobWords, remarks: Iterable[Remark]) -> list[Difference]:
    """What differs between two jobs, each with the remark that tells of it."""
    every = list(remarks)
    return [Difference(place, *pair, _explanation(place, every)) for place, pair in differences(old, new).items()]


def differences(old: JobWords, new: JobWords) -> dict[str, tuple[Any, Any]]:
    """Old and new value by place, where they differ."""
    left, right = dict(leaves(old)), dict(leaves(new))
    every = dict.fromkeys([*left, *right])
    return {place: (left.get(place), right.get(place)) for place in every if left.get(place) != right.get(place)}


def old_job(block: InfrastructureBlock, pool_type: str) -> JobWords:
    """What the block's own code started."""
    data = {**MEANT[block.slug], **{name: one for name, one in block.data.items() if one is not None}}
    found = {name: data.get(name) for name in (*SHARED, *PLAIN[pool_type])}
    found["command"] = _command(data.get("command"))
    found["env"] = {name: REMOVED if one is None else str(one) for name, one in (data.get("env") or {}).items()}
    found["labels"] = {name: str(one) for name, one in (data.get("labels") or {}).items()}
    return _told(found, _OLD[block.slug](block, data))


def new_job(template: Mapping[str, Any], pool_type: str, *variables: Mapping[str, Any]) -> JobWords:
    """What a worker starts from the template, with job variables laid over its defaults."""
    job = job_configuration(template, *variables)
    found = {name: job.get(name) for name in (*SHARED, *PLAIN[pool_type])}
    found["command"] = _command(job.get("command"))
    found["env"] = {name: str(one) for name, one in (job.get("env") or {}).items() if one is not None}
    found["labels"] = {name: str(one) for name, one in (job.get("labels") or {}).items()}
    return _told(found, _NEW[pool_type](job))


def _told(shared: JobWords, own: JobWords) -> JobWords:
    return dict(cleaned({**shared, **own}))


def _explanation(place: str, remarks: Iterable[Remark]) -> Remark | None:
    fitting = [one for one in remarks if place == one.place or place.startswith(f"{one.place}.")]
    return max(fitting, key=lambda one: len(one.place), default=None)


def leaves(value: Any, place: str = "") -> Iterable[tuple[str, Any]]:
    """The facts of a job one by one, by their dotted places."""
    if not isinstance(value, Mapping) or "$ref" in value:
        yield place, value
        return
    for name, one in value.items():
        yield from leaves(one, f"{place}.{name}" if place else str(name))


def _command(value: Any) -> str | None:
    """None where it is the one that runs a flow run, however it is written."""
    text = words(value) if value else None
    return None if text and ENGINE.search(text) else text


def _nothing(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    return {}


def _old_docker(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    policy = str(data.get("image_pull_policy") or "").replace("_", "").lower()
    return {
        "image_pull_policy": policy or None,
        "registry": block.reference("image_registry"),
        "mem_limit": _said(data.get("mem_limit")),
        "memswap_limit": _said(data.get("memswap_limit")),
    }


def _new_docker(job: Mapping[str, Any]) -> JobWords:
    return {
        "image_pull_policy": str(job.get("image_pull_policy") or "").lower() or None,
        "registry": job.get("registry_credentials"),
        "mem_limit": job.get("mem_limit"),
        "memswap_limit": job.get("memswap_limit"),
    }


def _old_kubernetes(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    return {**kubernetes_job(data), "cluster_config": block.reference("cluster_config")}


def _new_kubernetes(job: Mapping[str, Any]) -> JobWords:
    ttl = job.get("job_manifest", {}).get("spec", {}).get("ttlSecondsAfterFinished")
    return {**rendered_kubernetes(job), "finished_job_ttl": ttl, "cluster_config": job.get("cluster_config")}


def _old_ecs(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    return {**ecs_job(data), "aws_credentials": block.reference("aws_credentials")}


def _new_ecs(job: Mapping[str, Any]) -> JobWords:
    return {**rendered_ecs(job), "aws_credentials": job.get("aws_credentials")}


def _old_cloud_run(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    cpu, memory = data.get("cpu"), data.get("memory")
    return {
        "image": data.get("image"),
        "args": data.get("args"),
        "cpu": f"{cpu * 1000}m" if cpu else None,
        "memory": f"{memory}{data.get('memory_unit') or ''}" if memory else None,
        "vpc_connector_name": data.get("vpc_connector_name"),
        "max_retries": data.get("max_retries"),
        "credentials": block.reference("credentials"),
    }


def _new_cloud_run(job: Mapping[str, Any]) -> JobWords:
    execution = job["job_body"]["spec"]["template"]
    task = execution["spec"]["template"]["spec"]
    annotations = execution.get("metadata", {}).get("annotations", {})
    return {
        **_container(task),
        "max_retries": task.get("maxRetries"),
        "vpc_connector_name": annotations.get("run.googleapis.com/vpc-access-connector"),
        "credentials": job.get("credentials"),
    }


def _new_cloud_run_v2(job: Mapping[str, Any]) -> JobWords:
    task = job["job_body"]["template"]["template"]
    return {
        **_container(task),
        "max_retries": task.get("maxRetries"),
        "vpc_connector_name": task.get("vpcAccess", {}).get("connector"),
        "credentials": job.get("credentials"),
    }


def _container(task: Mapping[str, Any]) -> JobWords:
    first = task["containers"][0]
    limits = first.get("resources", {}).get("limits", {})
    return {
        "image": first.get("image"),
        "args": first.get("args"),
        "cpu": limits.get("cpu"),
        "memory": limits.get("memory"),
    }


def _old_vertex(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    return {
        **{name: data.get(name) for name in ("image", *VERTEX, *MACHINE, *DISK)},
        "service_account": data.get("service_account"),
        "maximum_run_time": float(data["maximum_run_time"]),
        "credentials": block.reference("gcp_credentials"),
    }


def _new_vertex(job: Mapping[str, Any]) -> JobWords:
    spec = job["job_spec"]
    pool = spec["worker_pool_specs"][0]
    hours = spec.get("maximum_run_time_hours")
    return {
        "image": pool["container_spec"].get("image_uri"),
        **{name: spec.get(name) for name in VERTEX},
        **{name: pool["machine_spec"].get(name) for name in MACHINE},
        **{name: pool["disk_spec"].get(name) for name in DISK},
        "service_account": spec.get("service_account_name"),
        "maximum_run_time": None if hours is None else math.floor(hours * 3600.0),
        "credentials": job.get("credentials"),
    }


def _old_azure(block: InfrastructureBlock, data: Mapping[str, Any]) -> JobWords:
    registry = data.get("image_registry")
    kept = None
    if isinstance(registry, Mapping) and "identity" in registry:
        kept = {name: registry[name] for name in ("registry_url", "identity") if name in registry}
    return {
        "registry": kept or block.reference("image_registry"),
        "subscription_id": block.own_reference("subscription_id") or "a secret of an anonymous block",
        "aci_credentials": block.reference("aci_credentials"),
    }


def _new_azure(job: Mapping[str, Any]) -> JobWords:
    return {
        "registry": job.get("image_registry"),
        "subscription_id": job.get("subscription_id"),
        "aci_credentials": job.get("aci_credentials"),
    }


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


_OLD: Mapping[str, Callable[[InfrastructureBlock, Mapping[str, Any]], JobWords]] = {
    "process": _nothing,
    "docker-container": _old_docker,
    "kubernetes-job": _old_kubernetes,
    "ecs-task": _old_ecs,
    "cloud-run-job": _old_cloud_run,
    "vertex-ai-custom-training-job": _old_vertex,
    "azure-container-instance-job": _old_azure,
}
_NEW: Mapping[str, Callable[[Mapping[str, Any]], JobWords]] = {
    "process": lambda job: {},
    "docker": _new_docker,
    "kubernetes": _new_kubernetes,
    "ecs": _new_ecs,
    "cloud-run": _new_cloud_run,
    "cloud-run-v2": _new_cloud_run_v2,
    "vertex-ai": _new_vertex,
    "azure-container-instance": _new_azure,
}
