"""The trouble itself: one thing after another goes wrong, at random, until the time is over."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tests.faults.chaos.proxy import Proxy
from tests.faults.chaos.site import Hand, Site
from tests.live.servers import Server

MACHINE_LOST = "worker killed with its jobs"
Kinds = list[tuple[int, Callable[[], str]]]
"""What can be done, each with how often it is in comparison."""


class Trouble:
    """Does harm: one thread to workers and jobs, one to servers and connections.

    An outage of every way to all servers is shorter than a lease, for no lease can outlast it; everything else may
    be longer. `killed` are the processes of jobs that were killed; `done` counts what was done.
    """

    def __init__(self, site: Site, seconds: float, rng: random.Random) -> None:
        self._site = site
        self._seconds = seconds
        self._rng = rng
        self._over = threading.Event()
        self._frozen: list[tuple[float, int]] = []
        self._threads = [threading.Thread(target=self._go_on, args=[kinds]) for kinds in (self._hands(), self._ways())]
        self.killed: set[int] = set()
        self.done: Counter[str] = Counter()
        self.log: list[tuple[float, str]] = []
        self.errors: list[BaseException] = []

    def start(self) -> None:
        self._until = time.monotonic() + self._seconds
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Returns when the time is over and all has been made good."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _hands(self) -> Kinds:
        return [
            (4, self._kill_worker),
            (2, self._lose_machine),
            (4, self._freeze_worker),
            (2, self._kill_job),
            (2, self._restart_worker),
        ]

    def _ways(self) -> Kinds:
        kinds = [
            (2, self._kill_server),
            (2, self._freeze_server),
            (4, self._drop_front),
            (2, self._hold_front),
            (2, self._silence_front),
        ]
        if self._site.between:
            kinds += [(3, self._drop_database), (2, self._hold_database), (2, self._silence_database)]
        return kinds

    def _go_on(self, kinds: Kinds) -> None:
        try:
            while time.monotonic() < self._until and not self._over.is_set():
                [act] = self._rng.choices([act for _, act in kinds], [often for often, _ in kinds])
                began = time.time()
                what = act()
                self.done[what] += 1
                self.log.append((began, f"{what} until {time.time():.3f}"))
                self._pause(self._rng.uniform(0.3, 2.5))
        except BaseException as error:
            self.errors.append(error)

    def _pause(self, seconds: float) -> None:
        self._over.wait(seconds)

    def _hand(self) -> Hand:
        return self._rng.choice(self._site.hands)

    def _again(self, hand: Hand) -> None:
        hand.process.wait()
        self._pause(self._rng.uniform(0.0, 2.0))
        hand.process = self._site.hire(hand.number, hand.pool).process

    def _kill_worker(self) -> str:
        hand = self._hand()
        hand.process.kill()
        self._again(hand)
        return "worker killed"

    def _lose_machine(self) -> str:
        """A worker with its jobs; the pretended cloud's jobs are not on its machine."""
        hand = self._rng.choice([one for one in self._site.hands if one.pool == "process"])
        lost = self._site.machine(hand)
        for pid in lost:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.killed |= set(lost)
        self._again(hand)
        return MACHINE_LOST

    def _freeze_worker(self) -> str:
        """For up to twice its lease; other trouble goes on meanwhile."""
        hand = self._hand()
        hand.process.send_signal(signal.SIGSTOP)
        self._pause(self._rng.choice((0.3, 2.0)) * self._rng.random() * self._site.lease)
        hand.process.send_signal(signal.SIGCONT)
        return "worker frozen"

    def _restart_worker(self) -> str:
        hand = self._hand()
        hand.process.terminate()
        self._pause(0.5)
        hand.process.kill()
        self._again(hand)
        return "worker told to end, then killed"

    def _kill_job(self) -> str:
        going = [one for one in self._site.marks.going() if one.part == "run"]
        if not going:
            return "nothing"
        pid = self._rng.choice(going).pid
        self.killed.add(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return "job killed"

    def _server(self) -> Server:
        return self._rng.choice(self._site.servers)

    def _kill_server(self) -> str:
        server = self._server()
        server.kill()
        self._pause(self._rng.uniform(0.0, self._outage() / 2))
        server.start()
        return "server killed"

    def _freeze_server(self) -> str:
        """The only one for a short while, one of two for longer than a lease; a balancer sees it after a while."""
        server, alone = self._server(), len(self._site.servers) == 1
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        if alone:
            self._pause(self._rng.uniform(0.2, self._outage()))
        else:
            self._pause(0.5)
            self._site.away.add(server.port)
            self._pause(self._rng.uniform(0.2, 1.4 * self._site.lease))
        server.process.send_signal(signal.SIGCONT)
        self._site.away.discard(server.port)
        return "server frozen"

    def _outage(self) -> float:
        """How long nothing may get through at all."""
        return 0.4 * self._site.lease

    def _drop_front(self) -> str:
        self._site.front.drop()
        return "connections to servers cut"

    def _hold_front(self) -> str:
        self._hold(self._site.front)
        return "connections to servers held up"

    def _silence_front(self) -> str:
        self._silence(self._site.front, 1.4 * self._site.lease)
        return "open connections to servers gone silent"

    def _way(self) -> Proxy:
        return self._rng.choice(self._site.between)

    def _drop_database(self) -> str:
        self._way().drop()
        return "connections to PostgreSQL cut"

    def _hold_database(self) -> str:
        self._hold(self._way())
        return "connections to PostgreSQL held up"

    def _silence_database(self) -> str:
        self._silence(self._way(), self._outage())
        return "open connections to PostgreSQL gone silent"

    def _hold(self, way: Proxy) -> None:
        way.hold()
        self._pause(self._rng.uniform(0.2, self._outage()))
        way.release()

    def _silence(self, way: Proxy, most: float) -> None:
        """What is open says nothing until it is cut: nobody sees that it is dead before."""
        way.silence()
        self._pause(self._rng.uniform(0.3, 1.0) * most)
        way.drop()
