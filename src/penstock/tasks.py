"""Tasks, by the name flow code imports; all of it is `penstock.sdk`."""

from penstock.sdk.caching import task_input_hash
from penstock.sdk.retrying import exponential_backoff
from penstock.sdk.task import Task, task

__all__ = ["Task", "exponential_backoff", "task", "task_input_hash"]
