"""Penstock: flows, tasks, deployments, work pools. What users import, loaded when first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from penstock.sdk.context import tags
    from penstock.sdk.flow import Flow, flow
    from penstock.sdk.loggers import get_run_logger
    from penstock.sdk.pause import pause_flow_run, resume_flow_run, suspend_flow_run
    from penstock.sdk.states import State
    from penstock.sdk.task import Task, task
    from penstock.sdk.task_inputs import allow_failure, unmapped

_HOMES = {
    "Flow": "penstock.sdk.flow",
    "State": "penstock.sdk.states",
    "Task": "penstock.sdk.task",
    "allow_failure": "penstock.sdk.task_inputs",
    "flow": "penstock.sdk.flow",
    "get_run_logger": "penstock.sdk.loggers",
    "pause_flow_run": "penstock.sdk.pause",
    "resume_flow_run": "penstock.sdk.pause",
    "suspend_flow_run": "penstock.sdk.pause",
    "tags": "penstock.sdk.context",
    "task": "penstock.sdk.task",
    "unmapped": "penstock.sdk.task_inputs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
