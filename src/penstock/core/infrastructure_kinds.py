"""The infrastructure blocks there were, and how each becomes a pool: the tables of the conversion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from penstock.core.ecs_blocks import graft_definition, graft_request
from penstock.core.infrastructure_blocks import (
    Carry,
    Conversion,
    InfrastructureBlock,
    Kind,
    Severity,
    convert,
)
from penstock.core.kubernetes_blocks import graft_customizations, graft_job
from penstock.errors import InvalidRequest
from penstock.names import nearest

PULL_POLICIES = {"ALWAYS": "Always", "IF_NOT_PRESENT": "IfNotPresent", "NEVER": "Never"}
SECONDS_AN_HOUR = 3600
V1_CONTAINER = ("spec", "template", "spec", "template", "spec")


def target(slug: str, pool_type: str | None = None) -> Kind:
    """What a block becomes: a pool of the type wanted, or of the first that fits.

    Raises `InvalidRequest` (the report's code C16) for a block that none of our pools stands for.
    """
    fitting = [kind for kind in KINDS if kind.slug == slug and pool_type in (None, kind.pool_type)]
    if fitting:
        return fitting[0]
    if pool_type and (types := pool_types(slug)):
        listed = ", ".join(types)
        raise InvalidRequest(
            f"C16: A block of type {slug!r} can't become a pool of type {pool_type!r}, only of: {listed}. Name one of"
            " these, or leave it out."
        )
    near = nearest(slug, [kind.slug for kind in KINDS])
    hint = f" Did you mean {near!r}?" if near else " Keep an agent for it, or make a pool of a custom type."
    raise InvalidRequest(f"C16: There is no pool type for infrastructure blocks of type {slug!r}.{hint}")


def pool_types(slug: str) -> list[str]:
    """The types of the pools that a block of this type can become, the usual one first."""
    return [kind.pool_type for kind in KINDS if kind.slug == slug]


def to_template(
    block: InfrastructureBlock, templates: Mapping[str, Mapping[str, Any]], pool_type: str | None = None
) -> Conversion:
    """The template of the pool that does what the block did; `templates` are the types' own, by pool type."""
    kind = target(block.slug, pool_type)
    return convert(block, kind, templates[kind.pool_type])


def _text(variable: str) -> Carry:
    return lambda done, value: done.default(variable, str(value))


def _as(variable: str) -> Carry:
    return lambda done, value: done.default(variable, value)


def _pull_policy(done: Conversion, value: str) -> None:
    done.default("image_pull_policy", PULL_POLICIES.get(value, value))


def _docker_registry(done: Conversion, value: Any) -> None:
    _registry(done, "registry_credentials")


def _registry(done: Conversion, variable: str) -> None:
    found = done.block.reference("image_registry")
    if found:
        done.default(variable, found)
    said = "is still the old block" if found else "was never stored by itself, so the pool can't refer to it"
    done.say(
        "C07",
        Severity.NOTE if found else Severity.ERROR,
        variable,
        f"The registry's login {said}; workers of Prefect want a block of type docker-registry-credentials.",
        "Nothing to do for our workers; for Prefect's, make such a block and refer to it."
        if found
        else "Store it as a block of its own, and set it as the block's image_registry.",
    )


def _azure_registry(done: Conversion, value: Any) -> None:
    """A managed identity holds no secret and is written out."""
    if isinstance(value, Mapping) and "identity" in value:
        done.default("image_registry", {key: value[key] for key in ("registry_url", "identity") if key in value})
    else:
        _registry(done, "image_registry")


def _subscription(done: Conversion, value: Any) -> None:
    """A secret of the block: the pool refers to the block's field instead of holding it."""
    reference = done.block.own_reference("subscription_id")
    if reference:
        done.default("subscription_id", reference)
        done.say(
            "C04",
            Severity.NOTE,
            "subscription_id",
            "The subscription is a secret of the block and would be readable in the pool, so the pool refers to it.",
            "Keep the block, or write the subscription's id into the pool if it need not be a secret.",
        )
        return
    done.say(
        "C04",
        Severity.ERROR,
        "subscription_id",
        "The subscription is a secret of a block that a pool can't refer to by name; it would be readable in the pool.",
        "Store the block under a name of letters, digits and dashes, or set the pool's subscription_id yourself.",
    )


def _cpu_v1(done: Conversion, value: Any) -> None:
    done.default("cpu", f"{int(value) * 1000}m")


def _memory(done: Conversion, value: Any) -> None:
    done.default("memory", f"{value}{done.block.data.get('memory_unit') or ''}")


def _nothing(done: Conversion, value: Any) -> None:
    """Carried by another field."""


def _args_v1(done: Conversion, value: Any) -> None:
    done.properties["args"] = {"title": "Arguments", "type": "array", "items": {"type": "string"}}
    done.default("args", list(value))
    _v1_task(done)["containers"][0]["args"] = "{{ args }}"


def _retries_v1(done: Conversion) -> None:
    """The type's template leaves them to Google, whose number is the block's default: written so that it can be set."""
    given = done.block.data.get("max_retries")
    done.properties["max_retries"] = {"title": "Maximum Retries", "type": "integer", "minimum": 0, "maximum": 10}
    done.default("max_retries", 3 if given is None else given)
    _v1_task(done)["maxRetries"] = "{{ max_retries }}"
    done.say(
        "C03",
        Severity.NOTE,
        "max_retries",
        "Pools of type 'cloud-run' have no variable for retries by Google, so the template is given one.",
        "Consider 0, or a pool of type 'cloud-run-v2': a job that is started again finds its run already begun.",
    )


def _v1_task(done: Conversion) -> dict[str, Any]:
    here: Any = done.job["job_body"]
    for step in V1_CONTAINER:
        here = here[step]
    found: dict[str, Any] = here
    return found


def _run_time(done: Conversion, value: float) -> None:
    hours = math.ceil(float(value) / SECONDS_AN_HOUR)
    done.default("maximum_run_time_hours", hours)
    if hours * SECONDS_AN_HOUR != float(value):
        done.say(
            "C20",
            Severity.NOTE,
            "maximum_run_time",
            f"The longest run time was {value:g} seconds; pools count whole hours, so it is {hours}.",
            "Nothing to do, unless jobs must be ended earlier.",
        )


def _check_required(done: Conversion) -> None:
    for name in done.template["variables"].get("required", []):
        if done.default_of(name) is None and not any(one.place == name for one in done.remarks):
            done.say(
                "C10",
                Severity.WARNING,
                name,
                f"The pool needs {name!r}, which the block does not say.",
                f"Set it as the pool's default, or as a job variable of each deployment: {name}",
            )


KINDS: tuple[Kind, ...] = (
    Kind(slug="process", pool_type="process", same=("stream_output", "working_dir")),
    Kind(
        slug="docker-container",
        pool_type="docker",
        same=("networks", "network_mode", "auto_remove", "volumes", "stream_output", "privileged"),
        carried={
            "image_pull_policy": _pull_policy,
            "image_registry": _docker_registry,
            "mem_limit": _text("mem_limit"),
            "memswap_limit": _text("memswap_limit"),
        },
    ),
    Kind(
        slug="kubernetes-job",
        pool_type="kubernetes",
        same=(
            "namespace",
            "service_account_name",
            "image_pull_policy",
            "finished_job_ttl",
            "job_watch_timeout_seconds",
            "pod_watch_timeout_seconds",
            "stream_output",
        ),
        references={"cluster_config": "cluster_config"},
        unset={"image_pull_policy": None},
        begin=graft_job,
        finish=graft_customizations,
        late=frozenset({"job", "customizations"}),
    ),
    Kind(
        slug="ecs-task",
        pool_type="ecs",
        same=(
            "task_definition_arn",
            "family",
            "cpu",
            "memory",
            "execution_role_arn",
            "task_role_arn",
            "vpc_id",
            "cluster",
            "configure_cloudwatch_logs",
            "cloudwatch_logs_options",
            "stream_output",
            "launch_type",
            "auto_deregister_task_definition",
            "task_start_timeout_seconds",
            "task_watch_poll_interval",
        ),
        references={"aws_credentials": "aws_credentials"},
        unset={"auto_deregister_task_definition": True, "task_start_timeout_seconds": 120},
        begin=graft_definition,
        finish=graft_request,
        late=frozenset({"task_definition", "task_customizations"}),
    ),
    Kind(
        slug="cloud-run-job",
        pool_type="cloud-run",
        same=("region", "vpc_connector_name", "keep_job", "timeout"),
        references={"credentials": "credentials"},
        carried={
            "cpu": _cpu_v1,
            "memory": _memory,
            "memory_unit": _nothing,
            "args": _args_v1,
            "max_retries": _nothing,
        },
        finish=_retries_v1,
    ),
    Kind(
        slug="cloud-run-job",
        pool_type="cloud-run-v2",
        same=("region", "vpc_connector_name", "keep_job", "timeout", "args", "max_retries"),
        references={"credentials": "credentials"},
        carried={"cpu": _cpu_v1, "memory": _memory, "memory_unit": _nothing},
        unset={"image": None, "cpu": None, "memory": None, "max_retries": 3},
    ),
    Kind(
        slug="vertex-ai-custom-training-job",
        pool_type="vertex-ai",
        same=(
            "region",
            "machine_type",
            "accelerator_type",
            "accelerator_count",
            "boot_disk_type",
            "boot_disk_size_gb",
            "network",
            "reserved_ip_ranges",
            "job_watch_poll_interval",
        ),
        references={"gcp_credentials": "credentials"},
        carried={"service_account": _as("service_account_name"), "maximum_run_time": _run_time},
        unset={"maximum_run_time_hours": 168},
        finish=_check_required,
    ),
    Kind(
        slug="azure-container-instance-job",
        pool_type="azure-container-instance",
        same=(
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
            "stream_output",
        ),
        references={"aci_credentials": "aci_credentials"},
        carried={"image_registry": _azure_registry, "subscription_id": _subscription},
        finish=_check_required,
    ),
)
"""Each block type with the pool types it can become, the usual one first."""
