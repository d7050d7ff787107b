"""The configuration of a run's job: the pool's template with every value filled in (semantics.md 12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.client.client import AsyncClient
from penstock.core.job_templates import job_configuration
from penstock.steps.references import resolve_references
from penstock.wire.work_pools import WorkPool
from penstock.worker.facts import RunFacts


async def resolve(
    client: AsyncClient, facts: RunFacts, pool: WorkPool, surroundings: Mapping[str, str]
) -> dict[str, Any]:
    """Values from the deployment, then the run; environment, blocks and variables; what the flow and run are.

    `surroundings` are the variables of the environment that a template may name.

    Raises `TemplateInvalid` for what is missing or does not fit where it stands.
    """
    deployment, run = facts.deployment, facts.flow_run
    half = job_configuration(
        pool.base_job_template,
        deployment.job_variables if deployment else None,
        run.job_variables,
        environment=surroundings,
    )
    context = {"flow": msgspec.to_builtins(facts.flow), "flow_run": msgspec.to_builtins(run)}
    return dict(await resolve_references(client, half, context) or {})
