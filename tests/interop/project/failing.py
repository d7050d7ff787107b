# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""Flows that end badly, each in its own way."""

import os
import sys
import time

from SDK import flow


@flow(name="raising", retries=1, retry_delay_seconds=0)
def raising() -> None:
    raise ValueError("bad luck")


@flow(name="timing-out", timeout_seconds=1)
def timing_out() -> None:
    time.sleep(10)


@flow(name="dying")
def dying() -> None:
    os._exit(3)


@flow(name="slow")
def slow(seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.1)


if __name__ == "__main__":
    {"raising": raising, "timing-out": timing_out}[sys.argv[1]]()
