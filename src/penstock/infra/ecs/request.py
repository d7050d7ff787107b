"""What is sent to ECS: the task definition and the request to run a task, out of a pool's template."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Mapping
from typing import Any

from penstock.errors import InfrastructureFailed
from penstock.infra.cloud_names import resource_name, words
from penstock.infra.ecs.variables import EcsConfiguration
from penstock.infra.protocol import Job

Tree = dict[str, Any]

LONGEST_TOKEN, LONGEST_FAMILY, LONGEST_KEY, LONGEST_VALUE = 64, 255, 128, 256
MOST_TAGS = 50
START = "penstock:start"
"""A tag that differs from start to start. ECS takes a second request with the token of an earlier one for the same
request only if they are equal: so a repeated request finds its own task, and a second start is refused."""
CONTAINER, FAMILY, LOG_GROUP = "penstock", "penstock", "prefect"
CPU, MEMORY = "1024", "2048"
FARGATE = ("FARGATE", "FARGATE_SPOT")
COMPARED = (
    *("containerDefinitions", "cpu", "memory", "networkMode", "executionRoleArn", "taskRoleArn", "volumes"),
    *("requiresCompatibilities", "placementConstraints", "ephemeralStorage", "runtimePlatform", "pidMode", "ipcMode"),
)
"""What makes two revisions of a family the same."""


def token(identity: str) -> str:
    """What ECS knows the start of this job by, the same every time."""
    return resource_name(identity, LONGEST_TOKEN)


def cluster_of(wanted: EcsConfiguration) -> str:
    """Where the task is to run."""
    return str(wanted.cluster or wanted.task_run_request.get("cluster") or "default")


def on_fargate(wanted: EcsConfiguration) -> bool:
    """Whether AWS brings the machine."""
    strategy = wanted.task_run_request.get("capacityProviderStrategy")
    if strategy:
        return any(one.get("capacityProvider") in FARGATE for one in strategy)
    return wanted.task_run_request.get("launchType", "FARGATE") in FARGATE


def family_of(wanted: EcsConfiguration) -> str:
    """The template's, or one of the pool and the deployment, so that deployments do not push out each other's."""
    if given := (wanted.task_definition or {}).get("family"):
        return str(given)
    labels = wanted.labels or {}
    parts = [FAMILY, labels.get("prefect.io/work-pool-name"), labels.get("prefect.io/deployment-id")]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", "_".join(filter(None, parts)))[:LONGEST_FAMILY]


def definition(wanted: EcsConfiguration, region: str) -> Tree:
    """The task definition to register; `InfrastructureFailed` says what it lacks.

    Command, environment and labels are of the run, and go with the request: so runs share a definition.
    """
    found = copy.deepcopy(wanted.task_definition or {})
    container = _container(found, wanted)
    if not container.get("image"):
        raise InfrastructureFailed(
            "The job has no image. Set the job variable `image`, in the deployment or as the pool's default."
        )
    found["family"] = family_of(wanted)
    found["cpu"], found["memory"] = str(found.get("cpu") or CPU), str(found.get("memory") or MEMORY)
    if on_fargate(wanted):
        found.setdefault("requiresCompatibilities", ["FARGATE"])
        found["networkMode"] = "awsvpc"
    container.setdefault("essential", True)
    if isinstance(container.get("environment"), dict):
        container["environment"] = _pairs(container["environment"], "name")
    if wanted.configure_cloudwatch_logs:
        _log_to_cloudwatch(found, container, wanted, region)
    return found


def same(one: Mapping[str, Any], registered: Mapping[str, Any]) -> bool:
    """Whether what is registered is what is wanted; what ECS adds by itself does not count."""
    return all(_within(one[field], registered.get(field)) for field in COMPARED if one.get(field))


def request(wanted: EcsConfiguration, job: Job, arn: str, container: str, start: str) -> Tree:
    """The request to run the task, but for its network."""
    found = copy.deepcopy(wanted.task_run_request)
    name = token(job.identity)
    found |= {"taskDefinition": arn, "cluster": cluster_of(wanted), "count": 1, "clientToken": name, "startedBy": name}
    found["tags"] = _tags({**_given_tags(found.get("tags")), **(wanted.labels or {})}, start)
    _place(found)
    overrides = found.setdefault("overrides", {})
    for field in ("cpu", "memory"):
        if overrides.get(field) is not None:
            overrides[field] = str(overrides[field])
    override = _override(overrides.setdefault("containerOverrides", []), container)
    given = override.get("command")
    if not isinstance(given, list):
        override["command"] = shlex.split(given) if given else words(wanted.command, job.command)
    own = override.get("environment")
    taken = {one["name"] for one in own} if isinstance(own, list) else set()
    rest = {name: value for name, value in job.env.items() if name not in taken}
    override["environment"] = (own if isinstance(own, list) else []) + _pairs(rest, "name")
    return found


def _place(found: Tree) -> None:
    """ECS takes a launch type or a strategy; Spot is only known as a strategy."""
    if found.get("capacityProviderStrategy"):
        found.pop("launchType", None)
    elif found.get("launchType") == "FARGATE_SPOT":
        del found["launchType"]
        found["capacityProviderStrategy"] = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def _container(found: Tree, wanted: EcsConfiguration) -> Tree:
    """The definition's container for the run: by its name, else the first."""
    containers: list[Tree] = found.setdefault("containerDefinitions", [])
    if not containers:
        containers.append({})
    named = (one for one in containers if wanted.container_name and one.get("name") == wanted.container_name)
    container = next(named, containers[0])
    container["name"] = container.get("name") or wanted.container_name or CONTAINER
    return container


def container_name(wanted: EcsConfiguration, registered: Mapping[str, Any]) -> str:
    """Which of a registered definition's containers is the run's."""
    names = [str(one["name"]) for one in registered.get("containerDefinitions") or []]
    if wanted.container_name and wanted.container_name not in names:
        raise InfrastructureFailed(
            f"The task definition has no container {wanted.container_name!r} (container_name), but {', '.join(names)}."
        )
    return wanted.container_name or names[0]


def _log_to_cloudwatch(found: Tree, container: Tree, wanted: EcsConfiguration, region: str) -> None:
    if not found.get("executionRoleArn"):
        raise InfrastructureFailed(
            "configure_cloudwatch_logs needs the job variable `execution_role_arn`: a role that may write logs."
        )
    options = {
        "awslogs-create-group": "true",
        "awslogs-group": LOG_GROUP,
        "awslogs-region": region,
        "awslogs-stream-prefix": wanted.cloudwatch_logs_prefix or found["family"],
        **(wanted.cloudwatch_logs_options or {}),
    }
    container["logConfiguration"] = {"logDriver": "awslogs", "options": options}


def _override(overrides: list[Tree], container: str) -> Tree:
    """The override of the run's container, which it is named for only now."""
    for override in overrides:
        if override.get("name") in (None, container):
            override["name"] = container
            return override
    overrides.append({"name": container})
    return overrides[-1]


def _given_tags(tags: object) -> dict[str, str]:
    """The template gives labels, ECS wants pairs."""
    if isinstance(tags, list):
        return {str(one["key"]): str(one.get("value", "")) for one in tags}
    return {str(name): str(value) for name, value in tags.items()} if isinstance(tags, dict) else {}


def _tags(labels: Mapping[str, str], start: str) -> list[Tree]:
    plain = {_plain(name)[:LONGEST_KEY]: _plain(value)[:LONGEST_VALUE] for name, value in labels.items()}
    kept = dict(list(plain.items())[: MOST_TAGS - 1]) | {START: start}
    return _pairs({name: value for name, value in kept.items() if name}, "key")


def _pairs(values: Mapping[str, Any], key: str) -> list[Tree]:
    return [{key: name, "value": str(value)} for name, value in values.items()]


def _plain(text: str) -> str:
    return re.sub(r"[^\w +\-=.:/@]", "-", text)


def _within(wanted: Any, there: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(_within(value, there.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(wanted) == len(there)
            and all(_within(one, other) for one, other in zip(wanted, there, strict=True))
        )
    return bool(wanted == there)
