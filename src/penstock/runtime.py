"""What runs now, by the name flow code imports; all of it is `penstock.sdk.runtime`."""

from penstock.sdk.runtime import deployment, flow_run, task_run

__all__ = ["deployment", "flow_run", "task_run"]
