"""What flow code catches, by the names it knows; they live beside what raises them."""

from penstock.errors import NotFound as ObjectNotFound
from penstock.errors import ParameterInvalid as ParameterTypeError
from penstock.errors import PenstockError
from penstock.errors import RunAborted as Abort
from penstock.sdk.context import MissingContext as MissingContextError
from penstock.sdk.pause import PauseTimedOut as FlowPauseTimeout
from penstock.sdk.states import CancelledRun, CrashedRun, FailedRun, MissingResult, PausedRun, UnfinishedRun
from penstock.sdk.task_inputs import UpstreamFailed as UpstreamTaskError

ParameterBindError = TypeError
"""A call without an argument it needs, or with one too many: what Python itself raises."""

__all__ = [
    "Abort",
    "CancelledRun",
    "CrashedRun",
    "FailedRun",
    "FlowPauseTimeout",
    "MissingContextError",
    "MissingResult",
    "ObjectNotFound",
    "ParameterBindError",
    "ParameterTypeError",
    "PausedRun",
    "PenstockError",
    "UnfinishedRun",
    "UpstreamTaskError",
]
