"""The warm parent: a process with the run side imported, which forks a job in a millisecond or two.

It takes orders over a socket from one driver, writes down how each of its processes ended, and outlives
the driver for as long as it has processes. It has one thread and no event loop, so that a fork is safe.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec

from penstock.infra.process import child
from penstock.infra.process.folder import JobFolder
from penstock.infra.process.orders import Order, Report, pack, unpack

LOOK_SECONDS = 2.0
"""How often the length of what jobs print is looked at."""


class Keeper:
    """Begins processes when told to, and says when they end."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders: socket.socket | None = orders
        self.selector = selectors.DefaultSelector()
        self.buffer = bytearray()
        self.children: dict[int, Order] = {}
        self.look_at = 0.0
        self.waker, self.woken = socket.socketpair()

    def run(self) -> Order | None:
        """Serves until the driver and all processes are gone (None). In a forked child: what it is to be."""
        self._listen()
        while self.orders or self.children:
            for key, _ in self.selector.select(LOOK_SECONDS if self.children else None):
                if key.fileobj is self.woken:
                    self._drain_signals()
                elif order := self._take_orders():
                    return order
            self._reap()
            self._bound_outputs()
        return None

    def _listen(self) -> None:
        assert self.orders is not None
        self.waker.setblocking(False)
        self.woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for unwanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(unwanted, signal.SIG_IGN)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.orders, selectors.EVENT_READ)
        self.selector.register(self.woken, selectors.EVENT_READ)

    def _drain_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)

    def _take_orders(self) -> Order | None:
        assert self.orders is not None
        received = self.orders.recv(1 << 20)
        if not received:
            self._lose_driver()
        self.buffer += received
        for message in unpack(self.buffer):
            order = msgspec.json.decode(message, type=Order)
            if self._fork(order):
                return order
        return None

    def _fork(self, order: Order) -> bool:
        """Begins a process; True in the process itself. A signal sent to it right away waits until it is ready."""
        signal.pthread_sigmask(signal.SIG_BLOCK, child.HELD)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, child.HELD)
            self._say(Report(order.identity, error=str(error)))
            return False
        if pid == 0:
            self._become_child()
            return True
        child.lead_group(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, child.HELD)
        self.children[pid] = order
        with contextlib.suppress(OSError):
            JobFolder(Path(order.folder)).write_process(pid)
        self._say(Report(order.identity, pid=pid))
        return False

    def _become_child(self) -> None:
        """Leaves everything that belongs to the keeper."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        self.waker.close()
        self.woken.close()
        if self.orders:
            self.orders.close()

    def _reap(self) -> None:
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if order := self.children.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                JobFolder(Path(order.folder)).write_exit(code)
                self._say(Report(order.identity, pid=pid, code=code))

    def _bound_outputs(self) -> None:
        if time.monotonic() > self.look_at:
            self.look_at = time.monotonic() + LOOK_SECONDS
            for order in self.children.values():
                JobFolder(Path(order.folder)).bound_output()

    def _say(self, report: Report) -> None:
        if self.orders is None:
            return
        try:
            self.orders.sendall(pack(report))
        except OSError:
            self._lose_driver()

    def _lose_driver(self) -> None:
        if self.orders is not None:
            self.selector.unregister(self.orders)
            self.orders.close()
            self.orders = None


def serve(orders: socket.socket) -> int:
    """Keeps processes until there are none and nobody gives orders; the exit code of this, or of a process, in it."""
    order = Keeper(orders).run()
    return 0 if order is None else child.become(order)


def main(descriptor: int, preload: str) -> None:
    """Entered by a fresh interpreter: the socket's descriptor, and the module to have imported."""
    orders = socket.socket(fileno=descriptor)
    if preload:
        importlib.import_module(preload)
    gc.collect()
    gc.freeze()
    child.leave(serve(orders))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
