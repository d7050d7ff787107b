"""What a run's own process needs to know, handed to it so that it need not ask."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import msgspec

from penstock.wire.deployments import Deployment
from penstock.wire.dispatch import ClaimedRun
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import Flow
from penstock.wire.work_pools import WorkPool
from penstock.worker.hosted import GRACE_SECONDS


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and what it is a run of. `attempt` is None where nobody counts them, `holder` where there is no lease."""

    flow_run: FlowRun
    flow: Flow
    deployment: Deployment | None = None
    attempt: int | None = None
    holder: str | None = None
    lease_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A run that is this host's to start, and the pool it was taken from (None: of a served deployment)."""

    facts: RunFacts
    pool: WorkPool | None = None
    grace: float = GRACE_SECONDS
    """Seconds that its job has to end by itself when the run is cancelled."""

    @property
    def run_id(self) -> UUID:
        return self.facts.flow_run.id

    @classmethod
    def by_claim(cls, claim: ClaimedRun, worker: str) -> Taken:
        """What a claim gave this worker, under whose name the lease is."""
        facts = RunFacts(
            flow_run=claim.flow_run,
            flow=claim.flow,
            deployment=claim.deployment,
            attempt=claim.attempt,
            holder=worker,
            lease_seconds=claim.lease_seconds,
        )
        return cls(facts, claim.work_pool, claim.cancellation_grace_seconds)
