"""The logger of the run that runs here; it is `penstock.sdk.loggers`."""

from penstock.sdk.loggers import get_run_logger

__all__ = ["get_run_logger"]
