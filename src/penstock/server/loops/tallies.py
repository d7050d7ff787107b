"""Tallies: hours that are over are counted once, and again after one of their rows was changed."""

from __future__ import annotations

from datetime import datetime

from penstock.server.loops.loop import Report, Tools
from penstock.store.tallies import NOUNS, announce, changed_hours, tally

SECONDS = 60.0
PAUSE = 0.05
"""Seconds between batches, in which requests come first."""
AT_ONCE = 10
ANNOUNCED_AT_ONCE = 500
LOOK_BACK_AFTER = 60
"""Passes after which hours that were looked at before are looked at again: a row may have been put into one."""


class Tallying:
    """One server's passes; it remembers how far it has looked, so that a pass without work costs nothing."""

    def __init__(self) -> None:
        self._since = dict.fromkeys(NOUNS, 0)
        self._passes = 0

    async def run_once(self, tools: Tools, now: datetime) -> Report:
        """Announces what is new and counts a few hours; comes back soon while there is more."""
        self._passes += 1
        if self._passes % LOOK_BACK_AFTER == 0:
            self._since = dict.fromkeys(NOUNS, 0)
        more = False
        for noun, since in self._since.items():
            self._since[noun], some = await announce(tools.store, noun, since, now, ANNOUNCED_AT_ONCE)
            more = more or some
        counted = 0
        for noun, hour in await tools.store.scan(changed_hours(AT_ONCE)):
            counted += await tally(tools.store, noun, hour)
        return Report(counted, again_in=PAUSE if more or counted == AT_ONCE else None)
