"""Concurrency limits in code that awaits: `async with concurrency(...)`, `await rate_limit(...)`."""

from penstock.sdk.concurrency import arate_limit as rate_limit
from penstock.sdk.concurrency import concurrency

__all__ = ["concurrency", "rate_limit"]
