"""The logger of the run that runs here; it is `penstock.sdk.loggers`."""

from penstock.sdk.loggers import disable_run_logger, get_run_logger

__all__ = ["disable_run_logger", "get_run_logger"]
