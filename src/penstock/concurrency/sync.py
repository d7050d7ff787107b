"""Concurrency limits in code that blocks: `with concurrency(...)`, `rate_limit(...)`."""

from penstock.sdk.concurrency import concurrency, rate_limit

__all__ = ["concurrency", "rate_limit"]
