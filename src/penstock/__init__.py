"""Penstock: flows, tasks, deployments, work pools. What users import, loaded when first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from penstock import runtime as runtime
    from penstock.sdk.blocks import Block as Block
    from penstock.sdk.context import tags as tags
    from penstock.sdk.deployables import deploy as deploy
    from penstock.sdk.deployables import serve as serve
    from penstock.sdk.deployments import arun_deployment as arun_deployment
    from penstock.sdk.deployments import run_deployment as run_deployment
    from penstock.sdk.flow import Flow as Flow
    from penstock.sdk.flow import flow as flow
    from penstock.sdk.loggers import get_run_logger as get_run_logger
    from penstock.sdk.pause import apause_flow_run as apause_flow_run
    from penstock.sdk.pause import aresume_flow_run as aresume_flow_run
    from penstock.sdk.pause import asuspend_flow_run as asuspend_flow_run
    from penstock.sdk.pause import pause_flow_run as pause_flow_run
    from penstock.sdk.pause import resume_flow_run as resume_flow_run
    from penstock.sdk.pause import suspend_flow_run as suspend_flow_run
    from penstock.sdk.states import State as State
    from penstock.sdk.task import Task as Task
    from penstock.sdk.task import task as task
    from penstock.sdk.task_inputs import allow_failure as allow_failure
    from penstock.sdk.task_inputs import quote as quote
    from penstock.sdk.task_inputs import unmapped as unmapped
    from penstock.sdk.variables import Variable as Variable

_HOMES = {
    "Block": "penstock.sdk.blocks",
    "Flow": "penstock.sdk.flow",
    "serve": "penstock.sdk.deployables",
    "State": "penstock.sdk.states",
    "Task": "penstock.sdk.task",
    "Variable": "penstock.sdk.variables",
    "allow_failure": "penstock.sdk.task_inputs",
    "arun_deployment": "penstock.sdk.deployments",
    "flow": "penstock.sdk.flow",
    "get_run_logger": "penstock.sdk.loggers",
    "apause_flow_run": "penstock.sdk.pause",
    "aresume_flow_run": "penstock.sdk.pause",
    "asuspend_flow_run": "penstock.sdk.pause",
    "pause_flow_run": "penstock.sdk.pause",
    "quote": "penstock.sdk.task_inputs",
    "resume_flow_run": "penstock.sdk.pause",
    "run_deployment": "penstock.sdk.deployments",
    "suspend_flow_run": "penstock.sdk.pause",
    "tags": "penstock.sdk.context",
    "task": "penstock.sdk.task",
    "unmapped": "penstock.sdk.task_inputs",
}
"""What is imported from here, and the module it lives in."""

_MODULES = frozenset(
    [
        "artifacts",
        "blocks",
        "cache_policies",
        "concurrency",
        "context",
        "deploy",
        "deployments",
        "events",
        "exceptions",
        "flows",
        "futures",
        "input",
        "logging",
        "runtime",
        "states",
        "task_runners",
        "tasks",
        "transactions",
        "variables",
    ]
)
"""Modules that are there as attributes without an import of their own: `penstock.runtime.flow_run.id`."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found: Any = importlib.import_module(f"penstock.{name}")
    elif name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_MODULES])
