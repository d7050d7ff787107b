"""Lines of those who wait for the same runs: a hint has the first of them look, not all.

A hundred workers may wait for one pool. Were each of them to look when a run is made, that one run would cost a
hundred transactions. So those who ask for the same form a line, and a hint calls the first who rests. Who leaves while
it looks, because it found something, failed or is gone, calls the next: there may be more to be had. Who looked and
found nothing keeps its place and rests; a hint that came meanwhile has it look again. Whatever hint is lost, a line
looks when the next run is due, and at the latest after `REST`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

REST = 5.0
"""Seconds after which one of a line looks in any case."""


class Place:
    """Somebody's place in a line. `looks` says that its look at the database is due or under way."""

    def __init__(self, line: _Line) -> None:
        self.looks = True
        self._line = line
        self._call: asyncio.Future[None] | None = None

    @property
    def hints(self) -> int:
        """How many hints the line has had; taken before a look, it lets `rest` miss none."""
        return self._line.hints

    @property
    def others_rest(self) -> bool:
        """Whether there is somebody before or behind who is called when there is something."""
        return any(not place.looks for place in self._line.places)

    def look_within(self, seconds: float) -> None:
        """Has the line look after this time at the latest."""
        self._line.look_within(seconds)

    def call(self) -> None:
        """Ends the rest, now or as soon as it begins."""
        self.looks = True
        if self._call is not None and not self._call.done():
            self._call.set_result(None)

    async def rest(self, seconds: float, since: int) -> bool:
        """Waits to be called; at once when there was a hint after `since`. False when the time is over."""
        if self._line.stopped:
            return False
        if since != self._line.hints:
            return True
        self.looks = False
        self._line.look_within(REST)
        self._call = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._call
        except TimeoutError:
            return False
        return not self._line.stopped


class _Line:
    """All who wait for the same, in the order in which they came."""

    def __init__(self) -> None:
        self.hints = 0
        self.places: dict[Place, None] = {}
        self.stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def hint(self) -> None:
        """There may be something to be had."""
        self.hints += 1
        self.call_next()

    def call_next(self) -> None:
        """Has the first who rests look."""
        for place in self.places:
            if not place.looks:
                place.call()
                return

    def look_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + min(max(seconds, 0.001), REST)
        if self._timer is None or self._timer.when() > when:
            self.rest()
            self._timer = loop.call_at(when, self._due)

    def rest(self) -> None:
        """Nobody is to look at any time of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self.hint()


class Lines:
    """All lines of a server, by what they wait for and by the topics whose wake-ups are hints for them."""

    def __init__(self) -> None:
        self._lines: dict[tuple[tuple[str, ...], Hashable], _Line] = {}
        self._by_topic: dict[str, dict[_Line, None]] = {}
        self._own: dict[str, set[Place]] = {}
        self.stopped = False

    @property
    def waiting(self) -> int:
        """How many rest in all lines."""
        return sum(not place.looks for line in self._lines.values() for place in line.places)

    @contextmanager
    def place(self, topics: tuple[str, ...], kind: Hashable, own: str = "") -> Iterator[Place]:
        """A place among those who wait for the same `kind` at the same topics; `own` is a topic for itself alone."""
        line = self._lines.get((topics, kind)) or self._begin(topics, kind)
        place = Place(line)
        line.places[place] = None
        self._own.setdefault(own, set()).add(place)
        try:
            yield place
        finally:
            del line.places[place]
            self._forget_own(own, place)
            if place.looks:
                line.call_next()
            if not line.places:
                self._end(topics, kind)

    def hint(self, topic: str) -> None:
        """A wake-up of a topic: a hint for its lines, and a call for who waits for it alone."""
        for line in tuple(self._by_topic.get(topic, ())):
            line.hint()
        for place in tuple(self._own.get(topic, ())):
            place.call()

    def stop(self) -> None:
        """Ends every rest."""
        self.stopped = True
        for line in self._lines.values():
            line.stopped = True
            line.rest()
            for place in line.places:
                place.call()

    def _forget_own(self, own: str, place: Place) -> None:
        self._own[own].discard(place)
        if not self._own[own]:
            del self._own[own]

    def _begin(self, topics: tuple[str, ...], kind: Hashable) -> _Line:
        line = self._lines[topics, kind] = _Line()
        line.stopped = self.stopped
        for topic in topics:
            self._by_topic.setdefault(topic, {})[line] = None
        return line

    def _end(self, topics: tuple[str, ...], kind: Hashable) -> None:
        line = self._lines.pop((topics, kind))
        line.rest()
        for topic in topics:
            del self._by_topic[topic][line]
            if not self._by_topic[topic]:
                del self._by_topic[topic]
