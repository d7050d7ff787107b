"""What Penstock adds to the API, under `/penstock`: claims with an instant answer, and leases.

A client asks `probe` first; a server without it (404) is a Prefect server, and is spoken to in
Prefect's way. A run process and its worker name the attempt they work on in the header
`X-Penstock-Attempt`; a stale attempt's proposals are answered ABORT.
"""

from __future__ import annotations

from uuid import UUID

from msgspec import field

from penstock.wire.deployments import Deployment
from penstock.wire.endpoint import get, post
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import Flow
from penstock.wire.model import Model, Write
from penstock.wire.work_pools import WorkPool

ATTEMPT_HEADER = "X-Penstock-Attempt"


class Capabilities(Model):
    """Who answers: the server's version and the names of what it adds to the API."""

    version: str
    features: list[str] = field(default_factory=list)


class Claim(Write):
    """Asks for due runs of a pool; the answer waits up to `wait_seconds` (at most 60) for the first.

    Runs are labelled with who took them, as a Prefect worker does itself: `prefect.worker.name` and the like.
    """

    worker_name: str
    worker_type: str | None = None
    """What the asker starts jobs with; as the pool says, when it does not say."""
    work_queue_names: list[str] = field(default_factory=list)
    limit: int = 1
    wait_seconds: float = 0.0
    lease_seconds: float = 60.0


class DeploymentClaim(Write):
    """As a claim, of runs of some deployments, by a process that serves them: no pool is asked."""

    worker_name: str
    deployment_ids: list[UUID]
    limit: int = 1
    wait_seconds: float = 0.0
    lease_seconds: float = 60.0


class ClaimedRun(Model):
    """A run that the asker now holds, with all that is needed to start it. It is PENDING already."""

    attempt: int
    lease_seconds: float
    flow_run: FlowRun
    flow: Flow
    work_pool: WorkPool | None = None
    deployment: Deployment | None = None


class Held(Write):
    """A run and the attempt its holder works on."""

    flow_run_id: UUID
    attempt: int


class Renewal(Write):
    """Extends the leases of all runs a worker holds, in one call."""

    worker_name: str
    runs: list[Held]
    lease_seconds: float = 60.0


class Renewed(Model):
    """What became of them: `lost` are not the asker's any more, `cancelling` are to be stopped."""

    lost: list[UUID] = field(default_factory=list)
    cancelling: list[UUID] = field(default_factory=list)


probe = get("/penstock", returns=Capabilities)
claim_runs = post("/penstock/work_pools/{name}/claim", body=Claim, returns=list[ClaimedRun])
claim_deployment_runs = post("/penstock/deployments/claim", body=DeploymentClaim, returns=list[ClaimedRun])
renew_leases = post("/penstock/leases/renew", body=Renewal, returns=Renewed)
