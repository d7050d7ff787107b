"""A plan: what there is already, what would be made; and carrying it out, which a second time makes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.core.pool_types import PUSH, pushed_kind
from penstock.core.push_credentials import Needed, needed
from penstock.errors import InfrastructureFailed

KINDS = ("azure-container-instance", "cloud-run", "cloud-run-v2", "ecs", "modal")


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing in the cloud: what it is, its name, whether it is there, and how it is made."""

    what: str
    name: str
    exists: bool
    make: Callable[[], Awaitable[None]]


class Provisioner(Protocol):
    """What one cloud needs for one pool."""

    async def plan(self) -> list[Resource]:
        """Everything the pool needs, in the order in which it is made. Looks, and changes nothing."""
        ...

    async def credentials(self) -> dict[str, Any]:
        """The data of the pool's credentials block; makes a new key where the cloud shows none twice."""
        ...

    async def defaults(self) -> dict[str, Any]:
        """Variables of the template and the defaults they get."""
        ...


def provisioner(pool_type: str, pool: str) -> Provisioner:
    """The provisioner for a pool. `InfrastructureFailed` says for which types there are none."""
    kind = pushed_kind(pool_type)
    if kind == "ecs":
        from penstock.provision.aws import EcsProvisioner

        return EcsProvisioner(pool)
    if kind in ("cloud-run", "cloud-run-v2"):
        from penstock.provision.gcp import CloudRunProvisioner

        return CloudRunProvisioner(pool)
    if kind == "azure-container-instance":
        from penstock.provision.azure import ContainerInstanceProvisioner

        return ContainerInstanceProvisioner(pool)
    if kind == "modal":
        from penstock.provision.modal import ModalProvisioner

        return ModalProvisioner()
    types = [f"{one}{PUSH}" for one in KINDS]
    raise InfrastructureFailed(
        f"Provisioning is not available for work pools of type {pool_type!r}, only for {', '.join(types)}."
    )


async def carry_out(plan: list[Resource], made: Callable[[Resource], None]) -> None:
    """Makes what is not there, in order, and tells of each; what one step made stays when a later one fails."""
    for resource in plan:
        if not resource.exists:
            await resource.make()
            made(resource)


def credentials_of(pool_type: str) -> Needed:
    """The block that pools of this type sign in with."""
    found = needed(pool_type)
    assert found is not None, "what is provisioned has credentials"
    return found


def block_name(pool: str, wanted: Needed) -> str:
    """The name of a pool's block: those that Prefect's provisioners give."""
    endings = {"aws-credentials": "aws-credentials", "modal-credentials": "modal-credentials"}
    return f"{pool}-{endings.get(wanted.block_type, 'push-pool-credentials')}"


def with_defaults(template: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The template with these defaults of its variables; others stay as they are."""
    variables = template["variables"]
    properties = {
        name: {**one, "default": defaults[name]} if defaults.get(name) is not None else one
        for name, one in variables["properties"].items()
    }
    return {**template, "variables": {**variables, "properties": properties}}
