"""Task runners, by the name flow code imports; each lives in `penstock.sdk.runners`, or in a plug-in.

An outside package registers its runner's class in the group `penstock.runners`, under the name it is imported by from
here. `tests/testing/test_plugins.py` has one.
"""

from typing import TYPE_CHECKING

from penstock.sdk.runners.inline import InlineTaskRunner
from penstock.sdk.runners.processes import ProcessPoolTaskRunner
from penstock.sdk.runners.threads import ThreadPoolTaskRunner

__all__ = ["InlineTaskRunner", "ProcessPoolTaskRunner", "ThreadPoolTaskRunner"]

if not TYPE_CHECKING:  # a misspelt name stays one for type checkers

    def __getattr__(name: str) -> object:
        """A plug-in's runner; AttributeError when none of this name is installed."""
        from penstock import plugins

        found = None if name.startswith("_") else plugins.load(plugins.RUNNERS, name)
        if found is None:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}, and no plug-in has a runner of this name"
            )
        return found
