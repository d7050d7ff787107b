"""What a push pool needs to sign in to its cloud: the server has no account of its own there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.core.pool_types import pushed_kind


@dataclass(frozen=True, slots=True)
class Needed:
    """A variable that holds a credentials block, and what the block must say."""

    variable: str
    block_type: str
    fields: tuple[str, ...]


GOOGLE = Needed("credentials", "gcp-credentials", ("service_account_info",))
NEEDED = {
    "azure-container-instance": Needed(
        "aci_credentials", "azure-container-instance-credentials", ("client_id", "tenant_id", "client_secret")
    ),
    "cloud-run": GOOGLE,
    "cloud-run-v2": GOOGLE,
    "ecs": Needed("aws_credentials", "aws-credentials", ("aws_access_key_id", "aws_secret_access_key", "region_name")),
    "modal": Needed("modal_credentials", "modal-credentials", ("token_id", "token_secret")),
}
"""By kind. Docker and Kubernetes are reached from where the server runs, and need none."""


def needed(pool_type: str) -> Needed | None:
    """The credentials that pools of this type must have; None for pools that need none."""
    return NEEDED.get(pushed_kind(pool_type) or "")


def given(wanted: Needed, template: Mapping[str, Any]) -> Any:
    """The template's credentials: the variable's default, or what stands in the job itself; None without any."""
    variables = template.get("variables") or {}
    default = ((variables.get("properties") or {}).get(wanted.variable) or {}).get("default")
    if default:
        return default
    fixed = (template.get("job_configuration") or {}).get(wanted.variable)
    placeholder = isinstance(fixed, str) and fixed.strip("{} ") == wanted.variable
    return None if placeholder else fixed


def lacking(wanted: Needed, pool_type: str, data: Mapping[str, Any] | None) -> str | None:
    """One sentence when there is no block, or one without a field that it must have."""
    make = f"Make one (`penstock work-pool create NAME --type {pool_type} --provision-infra` does)"
    where = f"and set it as the default of the variable {wanted.variable!r} in the base job template."
    if data is None:
        return f"A pool of type {pool_type!r} needs a block of type {wanted.block_type!r}. {make} {where}"
    missing = [name for name in wanted.fields if not data.get(name)]
    if missing:
        return (
            f"The {wanted.block_type!r} block of a pool of type {pool_type!r} must say {', '.join(wanted.fields)};"
            f" not set: {', '.join(missing)}."
        )
    return None
