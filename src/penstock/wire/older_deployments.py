"""A deployment as a server of Prefect 2 answers it, in the shape of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.wire.deployments import Deployment


def deployment_of(raw: Mapping[str, Any]) -> Deployment:
    """The deployment; its overrides are its job variables, and nulls where today has none are left out."""
    fields = {name: value for name, value in raw.items() if value is not None}
    if not fields.get("job_variables"):
        fields["job_variables"] = fields.get("infra_overrides") or {}
    return msgspec.convert(fields, Deployment)
