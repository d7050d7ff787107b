"""What Penstock adds to the API, under `/penstock`: claims with an instant answer, and leases.

A client asks `probe` first; a server without it (404) is a Prefect server, and is spoken to in
Prefect's way. A run process and its worker name the attempt they work on in the header
`X-Penstock-Attempt`; a stale attempt's proposals are answered ABORT.
"""

from __future__ import annotations

from types import NoneType
from uuid import UUID

from msgspec import field

from penstock.wire.deployments import Deployment
from penstock.wire.endpoint import get, post
from penstock.wire.flow_runs import FlowRun
from penstock.wire.flows import Flow
from penstock.wire.model import Model, Write
from penstock.wire.states import OrchestrationResult
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
    host: UUID | None = None
    """The asking process, which watches over the jobs it starts, and whose watch is another's when it falls silent.
    None where nobody else could take these jobs in hand."""


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
    cancellation_grace_seconds: float = 30.0
    """How long its job has to end by itself when the run is cancelled."""
    holder: str | None = None
    """Under whose name the lease is, of a run whose job was started by another host: the job renews it so."""


class Adoption(Write):
    """Asks for the runs of a pool whose job nobody watches over any more, to watch over them as `host`."""

    worker_name: str
    host: UUID
    limit: int = 50
    lease_seconds: float = 60.0


class Farewell(Write):
    """A process that ends: what it watches over may be taken in hand by others at once."""

    host: UUID


class Loss(Write):
    """What a run ran on is gone, through no fault of the run; the deployment's policy says what becomes of it."""

    attempt: int
    message: str
    unbegun: bool = False
    """There is no job, and the run was PENDING: it is due again if it still is, and stays as it is if not."""


class Held(Write):
    """A run and the attempt its holder works on."""

    flow_run_id: UUID
    attempt: int


class Renewal(Write):
    """Extends the leases of all runs a worker holds, in one call."""

    worker_name: str
    runs: list[Held]
    lease_seconds: float = 60.0
    host: UUID | None = None
    """Who watches over their jobs; None when a job renews for itself."""
    begins: bool = False
    """Whether `host` watches from now on over those that nobody has watched over: of a run that was claimed without a
    host it is known only then that another one could take its job in hand."""


class Renewed(Model):
    """What became of them: `lost` are not the asker's any more, `cancelling` are to be stopped.

    The jobs of `watched` are in the hands of another host: they are let be.
    """

    lost: list[UUID] = field(default_factory=list)
    cancelling: list[UUID] = field(default_factory=list)
    watched: list[UUID] = field(default_factory=list)


probe = get("/penstock", returns=Capabilities)
claim_runs = post("/penstock/work_pools/{name}/claim", body=Claim, returns=list[ClaimedRun])
claim_deployment_runs = post("/penstock/deployments/claim", body=DeploymentClaim, returns=list[ClaimedRun])
adopt_runs = post("/penstock/work_pools/{name}/adopt", body=Adoption, returns=list[ClaimedRun])
end_watches = post("/penstock/watches/end", body=Farewell, returns=NoneType)
report_loss = post("/penstock/flow_runs/{id}/lost", body=Loss, returns=OrchestrationResult)
renew_leases = post("/penstock/leases/renew", body=Renewal, returns=Renewed)
