"""Hosts of jobs that run elsewhere: who watches over what, who takes over, and what was lost."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import BadRequest
from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.bind import Encoded, Request, handles
from penstock.server.routes.dispatch import Given, answer, check_lease
from penstock.server.routes.work_pools import find
from penstock.store import watches as store
from penstock.store.overdue import report_loss
from penstock.wire import dispatch as wire
from penstock.wire.dispatch import Adoption, Farewell, Loss
from penstock.wire.states import OrchestrationResult


@handles(wire.adopt_runs)
async def adopt(at: Request, body: Adoption, name: str) -> Encoded:
    """Gives a host the runs of a pool whose job nobody watches over any more."""
    check_lease(body.lease_seconds)
    if body.limit < 1:
        raise BadRequest(f"An adoption asks for at least one run, not {body.limit}.")
    pool = await find(at, name)
    adopted = await at.store.write(store.adopt(pool.id, body.host, body.lease_seconds, body.limit, at.now))
    given = [Given(one.run_id, one.attempt, one.holder) for one in adopted]
    return await answer(at, name, given, body.lease_seconds)


@handles(wire.end_watches)
async def end(at: Request, body: Farewell) -> None:
    """Lets others take in hand at once what a host that ends has watched over."""
    await at.store.write(store.end(body.host, at.now))


@handles(wire.report_loss)
async def lose(at: Request, body: Loss, id: UUID) -> OrchestrationResult:
    """Crashes a run, or offers it again, whose host saw that what it ran on is gone."""
    report = store.never_began if body.unbegun else report_loss
    outcome = await at.store.write(report(id, body.attempt, body.message, at.now, new_id(), at.store.dialect))
    announce(at.hub, outcome)
    return outcome.result
