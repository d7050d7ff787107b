"""The ARM template of one job: the pool's, with what the job's variables and environment say put in its place."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from penstock.errors import InfrastructureFailed
from penstock.infra.azure import Data
from penstock.infra.cloud_names import words
from penstock.infra.container_instances.variables import ContainerInstanceConfiguration

GROUP = "Microsoft.ContainerInstance/containerGroups"
SECRET = ("API_KEY", "AUTH_STRING")
"""Ends of the names of variables that Azure is to keep from those who look at the group."""


def deployment(
    wanted: ContainerInstanceConfiguration, name: str, command: list[str] | None, env: Mapping[str, str], mark: Data
) -> Data:
    """What is deployed: the template, and its parameters, which are the names."""
    template = copy.deepcopy(wanted.arm_template)
    group = next((one for one in template.get("resources", []) if one.get("type") == GROUP), None)
    if group is None or not group.get("properties", {}).get("containers"):
        raise InfrastructureFailed(f"`arm_template` of the pool's template has no resource of type {GROUP}.")
    group["tags"] = {**_tags(wanted.labels), **(group.get("tags") or {})}
    _fill_group(group, wanted)
    _fill_container(group["properties"]["containers"][0]["properties"], wanted, command, env)
    names = {"container_group_name": {"value": name}, "container_name": {"value": name}}
    given = {key: value for key, value in names.items() if key in template.get("parameters", {})}
    return {"tags": mark, "properties": {"mode": "Incremental", "template": template, "parameters": given}}


def _fill_group(group: Data, wanted: ContainerInstanceConfiguration) -> None:
    properties = group["properties"]
    if wanted.identities:
        group["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {one: {} for one in wanted.identities}}
    if wanted.subnet_ids:
        properties["subnetIds"] = [{"id": one} for one in wanted.subnet_ids]
    if wanted.dns_servers:
        properties["dnsConfig"] = {"nameServers": wanted.dns_servers}
    if registry := wanted.image_registry:
        kept = {name: registry[name] for name in ("username", "password", "identity") if registry.get(name)}
        properties["imageRegistryCredentials"] = [{"server": registry["registry_url"], **kept}]


def _fill_container(
    container: Data, wanted: ContainerInstanceConfiguration, command: list[str] | None, env: Mapping[str, str]
) -> None:
    started = words(wanted.command, command) or []
    container["command"] = [*([wanted.entrypoint] if wanted.entrypoint else []), *started]
    kept = container.get("environmentVariables") or []
    container["environmentVariables"] = [*kept, *(_variable(name, value) for name, value in env.items())]
    if wanted.gpu_count and wanted.gpu_sku:
        container["resources"]["requests"]["gpu"] = {"count": wanted.gpu_count, "sku": wanted.gpu_sku}


def _variable(name: str, value: str) -> Data:
    return {"name": name, "secureValue" if name.endswith(SECRET) else "value": value}


def _tags(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Azure takes no slashes in the names of tags."""
    return {name.replace("/", "."): value[:256] for name, value in (labels or {}).items()}
