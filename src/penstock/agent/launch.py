"""From a run of an agent's to a job: its deployment's infrastructure block becomes a template, and that a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from penstock.agent.watch import Watch
from penstock.client.client import AsyncClient
from penstock.core.block_overrides import overridden
from penstock.core.infrastructure_blocks import Conversion, InfrastructureBlock, Severity
from penstock.core.infrastructure_kinds import target, to_template
from penstock.errors import InvalidRequest, NotFound
from penstock.infra.protocol import Job
from penstock.settings import Settings
from penstock.wire import blocks
from penstock.wire.deployments import Deployment
from penstock.worker.facts import RunFacts, Taken
from penstock.worker.launch import PoolLauncher
from penstock.worker.pool import offered
from penstock.worker.run_logs import RunLogs

PROCESS = InfrastructureBlock(slug="process", data={})
"""What jobs run on whose deployment names no block; overrides mean nothing then."""
HERE = "process"
"""The kind of jobs that are found again on the agent's machine, and nowhere else."""
KIND = "kind"
"""Where a job's note says what it runs on."""


class BlockLauncher:
    """Prepares jobs as agents of Prefect 2 did: the deployment's block, changed by the deployment's overrides.

    What a single run says of its job is not heard, as it never was.
    """

    def __init__(
        self, client: AsyncClient, settings: Settings, name: str, logs: RunLogs, watch: Watch | None = None
    ) -> None:
        """`watch` is None for a Prefect server, which is told by whom a job is being started instead."""
        self._client = client
        self._settings = settings
        self._name = name
        self._logs = logs
        self._watch = watch
        self._templates: dict[str, Mapping[str, Any]] = {}
        self.announces = watch is None

    async def prepare(self, taken: Taken) -> Job:
        assert taken.pool is not None
        facts = taken.facts
        block = await self._block(facts.deployment)
        kind = target(block.slug).pool_type
        conversion = to_template(block, {kind: await self._template(kind)})
        self._tell(facts.flow_run.id, conversion)
        if self._watch is not None and kind != HERE:
            await self._watch.begin(facts)
        pool = msgspec.structs.replace(taken.pool, type=kind, base_job_template=conversion.template)
        launcher = PoolLauncher(self._client, self._settings, kind, self._name, announces=self.announces)
        job = await launcher.prepare(replace(taken, facts=_bare(facts), pool=pool))
        return replace(
            job,
            payload=msgspec.json.encode(facts),
            note={**job.note, KIND: kind},
            **_without(job, _unset(block)),
        )

    async def _block(self, deployment: Deployment | None) -> InfrastructureBlock:
        if deployment is None or deployment.infrastructure_document_id is None:
            return PROCESS
        id = deployment.infrastructure_document_id
        try:
            found = await self._client.call(blocks.read_block_document, id=id, query={"include_secrets": True})
        except NotFound:
            raise InvalidRequest(
                f"The infrastructure block {id} of deployment {deployment.name!r} is gone. Apply the deployment again."
            ) from None
        return overridden(InfrastructureBlock.of(found), deployment.job_variables)

    async def _template(self, kind: str) -> Mapping[str, Any]:
        if kind not in self._templates:
            found = await offered(self._client, kind)
            if found is None:
                raise InvalidRequest(f"The server has no base job template for jobs of type {kind!r}.")
            self._templates[kind] = found
        return self._templates[kind]

    def _tell(self, run_id: UUID, conversion: Conversion) -> None:
        """Puts what can't be done as it was into the run's log; an agent need not keep secrets out of a job."""
        block = conversion.block
        for one in conversion.remarks:
            if one.code in ("C04", "C07") and block.data.get(one.place) is not None:
                conversion.default(one.place, block.data[one.place])
            elif one.severity is Severity.ERROR:
                raise InvalidRequest(f"{one.code}: {one.sentence} {one.way_out}")
            elif one.severity is Severity.WARNING:
                self._logs.warning(run_id, f"{one.code}: {one.sentence}")


def _unset(block: InfrastructureBlock) -> set[str]:
    """The variables that a block takes out of its jobs' environment: null is no value, as it never was."""
    given = block.data.get("env")
    return {name for name, value in given.items() if value is None} if isinstance(given, Mapping) else set()


def _without(job: Job, unset: set[str]) -> dict[str, Any]:
    """What of a job is another without these variables."""
    own = {name: value for name, value in job.configuration["env"].items() if name not in unset}
    env = {name: value for name, value in job.env.items() if name not in unset}
    return {"env": env, "configuration": {**job.configuration, "env": own}}


def _bare(facts: RunFacts) -> RunFacts:
    """Without job variables: the block has heard them."""
    change = msgspec.structs.replace
    deployment = facts.deployment and change(facts.deployment, job_variables={})
    return change(facts, flow_run=change(facts.flow_run, job_variables={}), deployment=deployment)
