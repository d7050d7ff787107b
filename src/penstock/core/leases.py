"""The lease on a flow run: who works on it, until when, and what happens to a run whose lease ran out.

A Penstock worker claims a run and renews its lease with the run's process; nothing else may. A Prefect
worker is given a lease when its Pending is accepted: its heartbeats keep it until the run is running,
then the run's own signs of life do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.core.losses import LossTerms, after_loss
from penstock.core.states import TERMINAL
from penstock.wire.states import State, StateCreate, StateDetails, StateType

PENDING_LEASE = timedelta(seconds=120)
"""How long a Prefect worker holds a run it is starting, without a heartbeat."""
SIGN_OF_LIFE_LEASE = timedelta(seconds=600)
"""How long a run of a Prefect client counts as alive after a heartbeat (three times its frequency)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a run, until when (None: without end), and which claim of the run this is."""

    holder: str | None
    expires_at: datetime | None
    attempt: int

    @property
    def by_claim(self) -> bool:
        """Whether a Penstock worker holds it, which renews it itself."""
        return self.holder is not None and self.holder.startswith("claim:")


def claimed_by(worker: str) -> str:
    """The holder's name of a Penstock worker."""
    return f"claim:{worker}"


def polled_by(worker: str) -> str:
    """The holder's name of a Prefect worker."""
    return f"poll:{worker}"


UNNAMED = ""
"""The name of a client that sends none. A Prefect worker says its name only with the labels that follow its Pending."""


def lease_after(lease: Lease, state: State, *, in_process: bool, worker: str | None, now: datetime) -> Lease:
    """The lease once a state is written: begun, kept or ended.

    `in_process` says that the process waits and will go on itself; `worker` is the Prefect worker that asks,
    UNNAMED when it does not say who it is, None when it is nobody that could fall silent.
    """
    if state.type is StateType.PENDING and not lease.by_claim:
        if worker is None:
            return lease
        holder = lease.holder if worker == UNNAMED and lease.holder else polled_by(worker)
        return Lease(holder, now + PENDING_LEASE, lease.attempt + (holder != lease.holder))
    if state.type is StateType.RUNNING and not lease.by_claim:
        return Lease(lease.holder, None, lease.attempt)
    waits = state.type is StateType.PAUSED and not state.state_details.pause_reschedule
    ends = state.type in TERMINAL or state.type in (StateType.SCHEDULED, StateType.PAUSED)
    if ends and not (waits or in_process):
        return Lease(None, None, lease.attempt)
    return lease


def begun_by_another(lease: Lease, worker: str | None) -> str | None:
    """The worker that holds a run, when it is not the one whose job wants to begin it; None when all is well.

    A job of a Prefect worker names its worker. One that starts late, when its worker is dead and the run was
    given to another, must not begin.
    """
    holder = (lease.holder or "").partition(":")[2]
    return holder if holder and worker and holder != worker else None


ADOPTION_GRACE = timedelta(seconds=30)
"""How much longer than its lease a run that was watched is kept, so that another host may take its job in hand."""
DEFAULT_GRACE = 30.0
"""Seconds that a cancelled run has to end by itself, where nobody says otherwise."""


def rescue(
    state: State, holder: str | None, expired_at: datetime, now: datetime, terms: LossTerms
) -> StateCreate | None:
    """What becomes of a run whose lease ran out; None when nothing is lost."""
    worker = (holder or "").partition(":")[2]
    if state.type is StateType.PENDING:
        return StateCreate(
            type=StateType.SCHEDULED,
            message=f"{_worker(worker)} took this run and gave no sign of life, so it is offered again.",
            state_details=StateDetails(scheduled_time=now),
        )
    if state.type is StateType.RUNNING or (state.type is StateType.SCHEDULED and state.name == "AwaitingRetry"):
        who = repr(worker) if worker else "its process"
        message = f"No sign of life from {who} since its lease ended at {expired_at:%Y-%m-%d %H:%M:%S} UTC."
        return after_loss(terms, message, now)
    if state.type is StateType.CANCELLING:
        return StateCreate(
            type=StateType.CANCELLED, message=f"{_worker(worker)} was to stop this run and gave no sign of life."
        )
    return None


def _worker(name: str) -> str:
    return f"Worker {name!r}" if name else "A worker"
