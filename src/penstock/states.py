"""States, made by name, by the name flow code imports; all of it is `penstock.sdk.states`."""

from penstock.sdk.states import (
    Cancelled,
    CancelledRun,
    Cancelling,
    Completed,
    Crashed,
    CrashedRun,
    Failed,
    FailedRun,
    MissingResult,
    Paused,
    Pending,
    Running,
    Scheduled,
    State,
)

__all__ = [
    "Cancelled",
    "CancelledRun",
    "Cancelling",
    "Completed",
    "Crashed",
    "CrashedRun",
    "Failed",
    "FailedRun",
    "MissingResult",
    "Paused",
    "Pending",
    "Running",
    "Scheduled",
    "State",
]
