"""One run in a host's hands: whose it is, what is to become of it, and how long it may still take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

GRACE_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Hosted:
    """A run that this host has started or taken over. `holder` is the name its lease is under."""

    run_id: UUID
    attempt: int | None
    holder: str
    handle: str | None = None
    shows: bool = True
    grace: float = GRACE_SECONDS
    over_at: datetime | None = None
    """When it has run for too long."""
    cancelling: bool = False
    lost: bool = False
    """Whether the run is not this host's to report on any more."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run is to be cancelled, or is lost: who waits need not wait on."""
    task: asyncio.Task[None] | None = None

    async def rest(self, seconds: float) -> None:
        """Waits, but not on after there is news."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return
