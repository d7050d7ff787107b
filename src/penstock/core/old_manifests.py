"""The manifests that blocks of the agent generation built for a job, and those of rendered templates, in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.core.ecs_blocks import CONTAINER_NAME, NETWORK, VPC
from penstock.core.infrastructure_blocks import ENGINE, words
from penstock.core.json_patch import Operation, apply, operations
from penstock.core.json_trees import copied
from penstock.core.kubernetes_blocks import BASE, CONTAINER, SET_AT_START

Tree = dict[str, Any]


def cleaned(tree: Any) -> Any:
    """Without what says nothing: null, and empty lists and mappings."""
    if isinstance(tree, Mapping):
        done = {key: cleaned(value) for key, value in tree.items()}
        return {key: value for key, value in done.items() if value is not None and value != {} and value != []}
    if isinstance(tree, list | tuple):
        return [cleaned(one) for one in tree]
    return tree


def kubernetes_job(data: Mapping[str, Any]) -> Tree:
    """The manifest of a Kubernetes job block: its own, what its fields say, its customizations, in this order."""
    manifest = copied(dict(data.get("job") or BASE))
    manifest.setdefault("metadata", {}).setdefault("labels", {})
    first = manifest["spec"]["template"]["spec"]["containers"][0]
    first.setdefault("env", [])
    if "namespace" in manifest["metadata"]:
        data = {"namespace": manifest["metadata"]["namespace"], **_without_default_namespace(data)}
    manifest = apply(manifest, _shortcuts(data))
    if patch := data.get("customizations"):
        manifest = apply(manifest, operations(patch))
    return {**_kubernetes_words(manifest), **dict.fromkeys(("env", "labels"))}


def rendered_kubernetes(job: Mapping[str, Any]) -> Tree:
    """The manifest that is sent for a rendered template: its environment is the list's own and the job's."""
    manifest = copied(dict(job["job_manifest"]))
    first = manifest["spec"]["template"]["spec"]["containers"][0]
    given = first.get("env")
    own = given if isinstance(given, list) else []
    env = {name: value for name, value in (job.get("env") or {}).items() if value is not None}
    first["env"] = [{"name": name, "value": str(value)} for name, value in env.items()] + own
    return {**_kubernetes_words(manifest), **dict.fromkeys(("env", "labels"))}


def ecs_job(data: Mapping[str, Any]) -> Tree:
    """The task definition and the request of an ECS block, its customizations applied."""
    definition: Tree = copied(dict(data.get("task_definition") or {}))
    containers = definition.setdefault("containerDefinitions", [])
    if not any(one.get("name") == CONTAINER_NAME for one in containers):
        containers.append({"name": CONTAINER_NAME})
    own = next(one for one in containers if one.get("name") == CONTAINER_NAME)
    _set(own, {"image": data.get("image")})
    given = {name: data.get(name) for name in ("cpu", "memory", "family")}
    _set(definition, {**given, "executionRoleArn": data.get("execution_role_arn")})
    request = _ecs_request(data)
    if patch := data.get("task_customizations"):
        request = apply(request, operations(patch))
    return _ecs_words(definition, request, data)


def rendered_ecs(job: Mapping[str, Any]) -> Tree:
    """The same of a rendered template; its network is a setting of its own."""
    definition, request = copied(dict(job["task_definition"])), copied(dict(job["task_run_request"]))
    name = job.get("container_name") or CONTAINER_NAME
    first = definition["containerDefinitions"][0]
    first.setdefault("name", name)
    overrides = request.get("overrides", {})
    for one in overrides.get("containerOverrides", []):
        one.setdefault("name", name)
        environment = one.get("environment")
        if isinstance(environment, Mapping):
            one["environment"] = [{"name": key, "value": str(value)} for key, value in environment.items()]
    tags = request.get("tags")
    if isinstance(tags, Mapping):
        request["tags"] = [{"key": key, "value": str(value)} for key, value in tags.items()]
    if network := job.get("network_configuration"):
        request[NETWORK] = {VPC: network}
    return _ecs_words(definition, request, {})


def _without_default_namespace(data: Mapping[str, Any]) -> Tree:
    return {name: value for name, value in data.items() if name != "namespace" or value != "default"}


def _shortcuts(data: Mapping[str, Any]) -> list[Operation]:
    pod = ("spec", "template", "spec")
    pairs = [
        (("metadata", "namespace"), data.get("namespace")),
        ((*CONTAINER, "image"), data.get("image")),
        *((("metadata", "labels", name), str(value)) for name, value in (data.get("labels") or {}).items()),
        *(((*CONTAINER, "env", "-"), {"name": name, "value": str(value)}) for name, value in _variables(data)),
        ((*CONTAINER, "imagePullPolicy"), data.get("image_pull_policy")),
        ((*pod, "serviceAccountName"), data.get("service_account_name")),
        (("spec", "ttlSecondsAfterFinished"), data.get("finished_job_ttl")),
        ((*CONTAINER, "args"), words(data["command"]) if data.get("command") else None),
    ]
    started = [Operation("add", path, None) for path in SET_AT_START]
    return started + [Operation("add", path, value) for path, value in pairs if value is not None]


def _variables(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in (data.get("env") or {}).items() if value is not None]


def _kubernetes_words(manifest: Tree) -> Tree:
    first = manifest["spec"]["template"]["spec"]["containers"][0]
    first["env"] = {one["name"]: one.get("value", one) for one in first.get("env") or [] if "name" in one}
    arguments = first.pop("args", None)
    text = words(arguments) if arguments else None
    manifest["metadata"].pop("generateName", None)
    containers = manifest["spec"]["template"]["spec"].pop("containers")
    ttl = manifest["spec"].pop("ttlSecondsAfterFinished", None)
    first, others = containers[0], containers[1:]
    return {
        "job_manifest": manifest,
        "container": first,
        "other_containers": others,
        "finished_job_ttl": ttl,
        "command": None if text and ENGINE.search(text) else text,
    }


def _ecs_request(data: Mapping[str, Any]) -> Tree:
    container: Tree = {"name": CONTAINER_NAME, "environment": []}
    container["environment"] = [{"name": name, "value": str(value)} for name, value in _variables(data)]
    overrides: Tree = {"containerOverrides": [container]}
    _set(container, {"command": data.get("command"), "cpu": data.get("cpu"), "memory": data.get("memory")})
    _set(overrides, {"cpu": data.get("cpu"), "memory": data.get("memory"), "taskRoleArn": data.get("task_role_arn")})
    request: Tree = {"overrides": overrides, "tags": []}
    request["tags"] = [{"key": key, "value": str(value)} for key, value in (data.get("labels") or {}).items()]
    _set(request, {"launchType": data.get("launch_type"), "cluster": data.get("cluster")})
    _set(request, {"taskDefinition": data.get("task_definition_arn")})
    return request


def _ecs_words(definition: Tree, request: Tree, data: Mapping[str, Any]) -> Tree:
    """A task's cpu is the request's, or else its definition's: which of the two says it makes no difference."""
    overrides = request.pop("overrides", {})
    containers = definition.pop("containerDefinitions")
    own = next(one for one in containers if one.get("name") == CONTAINER_NAME)
    changed = _first(overrides.pop("containerOverrides", []))
    changed["environment"] = {one["name"]: one["value"] for one in changed.get("environment", [])}
    arguments = changed.pop("command", None)
    changed["command"] = None if arguments and ENGINE.search(words(arguments)) else arguments and words(arguments)
    for name in ("cpu", "memory", "executionRoleArn"):
        value = overrides.pop(name, None) or definition.get(name)
        definition[name] = None if value is None else str(value)
    request["tags"] = {one["key"]: one["value"] for one in request.get("tags", [])}
    return {
        "task_definition": definition,
        "task_run_request": {**request, "overrides": overrides},
        "container": {**own, **changed},
        "other_containers": {str(one.get("name")): one for one in containers if one is not own},
        "env": changed.pop("environment"),
        "labels": request["tags"],
        "command": changed["command"],
    }


def _first(items: Sequence[Mapping[str, Any]]) -> Tree:
    return dict(items[0]) if items else {}


def _set(tree: Tree, values: Mapping[str, Any]) -> None:
    """Sets what is given; what is not set stays as it is."""
    tree.update({name: value for name, value in values.items() if value})
