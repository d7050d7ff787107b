"""What becomes of a run when what it ran on is lost: it crashes, or is offered again, as its deployment says.

A loss is no fault of the run: its machine went away, its container was evicted, its worker fell silent. Each costs
one of a bounded number of new starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.wire.deployments import LossPolicy
from penstock.wire.states import StateCreate, StateDetails, StateType

RESCHEDULES = 3
"""How often a run is offered again where its deployment names no other bound."""


@dataclass(frozen=True, slots=True)
class LossTerms:
    """A deployment's policy, and how many losses the run has had already."""

    policy: LossPolicy = LossPolicy.FAIL
    limit: int = RESCHEDULES
    losses: int = 0


def after_loss(terms: LossTerms, message: str, now: datetime) -> StateCreate:
    """The state of a run that was lost."""
    if terms.policy is not LossPolicy.RESCHEDULE:
        return StateCreate(type=StateType.CRASHED, message=message)
    if terms.losses >= terms.limit:
        words = f"{message} It was offered again {terms.losses} times already, which is its deployment's limit."
        return StateCreate(type=StateType.CRASHED, message=words)
    words = f"{message} It is offered again ({terms.losses + 1} of {terms.limit}), as its deployment says."
    return StateCreate(
        type=StateType.SCHEDULED, name="AwaitingRetry", message=words, state_details=StateDetails(scheduled_time=now)
    )
