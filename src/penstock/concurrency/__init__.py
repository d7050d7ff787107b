"""Concurrency limits in user code, by the names flow code imports; all of it is `penstock.sdk.concurrency`."""

from penstock.sdk.concurrency import LostSlots, arate_limit, concurrency, rate_limit

__all__ = ["LostSlots", "arate_limit", "concurrency", "rate_limit"]
