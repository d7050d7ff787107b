"""A proxy for TCP connections that can drop them, hold all of them up, or let those that are open go silent."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

PIECE = 1 << 16


@dataclass(eq=False)
class Pair:
    """One connection through the proxy."""

    near: socket.socket
    far: socket.socket
    flows: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens on a free port; each new connection goes to one of the targets, at random among those that take it."""

    def __init__(self, targets: Callable[[], Sequence[int]]) -> None:
        self._targets = targets
        self._pairs: set[Pair] = set()
        self._changing = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> int:
        """Cuts every connection; how many there were."""
        with self._changing:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.flows.set()
            pair.close()
        return len(pairs)

    def hold(self) -> None:
        """Nothing gets through, nothing is cut, new connections are taken and hang."""
        self._open.clear()
        self.silence()

    def release(self) -> None:
        """What was held up goes on, with nothing lost."""
        self._open.set()
        for pair in self._now():
            pair.flows.set()

    def silence(self) -> None:
        """The connections that are open now say nothing any more, in either direction; new ones work."""
        for pair in self._now():
            pair.flows.clear()

    def close(self) -> None:
        self._listener.close()
        self._open.set()
        self.drop()

    def _now(self) -> list[Pair]:
        with self._changing:
            return list(self._pairs)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._open.wait()
        far = self._connect()
        if far is None:
            near.close()
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = Pair(near, far)
        pair.flows.set()
        with self._changing:
            self._pairs.add(pair)
        back = threading.Thread(target=self._copy, args=(pair, far, near), daemon=True)
        back.start()
        self._copy(pair, near, far)
        back.join()
        with self._changing:
            self._pairs.discard(pair)
        pair.close()

    def _connect(self) -> socket.socket | None:
        targets = list(self._targets())
        random.shuffle(targets)
        for port in targets:
            with suppress(OSError):
                far = socket.create_connection(("127.0.0.1", port), timeout=1)
                far.settimeout(None)
                return far
        return None

    def _copy(self, pair: Pair, source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(PIECE):
                pair.flows.wait()
                target.sendall(piece)
        except OSError:
            pair.close()
            return
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
