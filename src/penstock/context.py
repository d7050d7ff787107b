"""What runs here, by the name flow code imports; all of it is `penstock.sdk.context`."""

from penstock.sdk.context import FlowContext as FlowRunContext
from penstock.sdk.context import TaskContext as TaskRunContext
from penstock.sdk.context import get_run_context, tags

__all__ = ["FlowRunContext", "TaskRunContext", "get_run_context", "tags"]
