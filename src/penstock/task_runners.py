"""Task runners, by the name flow code imports; each lives in `penstock.sdk.runners`."""

from penstock.sdk.runners.inline import InlineTaskRunner
from penstock.sdk.runners.processes import ProcessPoolTaskRunner
from penstock.sdk.runners.threads import ThreadPoolTaskRunner

__all__ = ["InlineTaskRunner", "ProcessPoolTaskRunner", "ThreadPoolTaskRunner"]
