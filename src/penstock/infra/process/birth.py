"""How the keeper of a driver's processes comes to be: forked from this process, or as an interpreter of its own.

A fork shares the memory of all that is imported, and is there at once; but only a process with a single
thread can be forked safely. So it is made first thing, by a program that knows it will want one.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import socket
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from penstock.infra.process import child, keeper

THREADS = Path("/proc/self/task")
FIRST_FREE = 3
"""File descriptors below this one are input, output and errors."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A keeper that lives; it ends once this end of the socket is closed and its processes are gone."""

    orders: socket.socket
    process: subprocess.Popen[bytes] | None = None

    def dismiss(self) -> None:
        """Lets it go."""
        self.orders.close()


def fork(preload: str) -> Kept | None:
    """Imports what jobs need and forks a keeper. None where that is not safe; `start` is the way then."""
    if not sys.platform.startswith("linux") or len(list(THREADS.iterdir())) != 1:
        return None
    importlib.import_module(preload)
    ours, theirs = socket.socketpair()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    gc.collect()
    gc.freeze()  # a collection writes to every object, and so copies every page that both share
    if os.fork() == 0:
        _keep(theirs)
    theirs.close()
    return Kept(ours)


def start(preload: str) -> Kept:
    """Starts a keeper as an interpreter of its own."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-P", "-m", "penstock.infra.process.keeper", str(theirs.fileno()), preload]
    with theirs:
        process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
    return Kept(ours, process)


def _keep(orders: socket.socket) -> NoReturn:
    """The forked process, until it and each of its own forks end."""
    try:
        _leave_behind(orders.fileno())
        code = keeper.serve(orders)
    except BaseException:
        traceback.print_exc()
        code = 1
    child.leave(code)


def _leave_behind(kept: int) -> None:
    """Makes this process what a new interpreter would be: no terminal, open files, logging or arguments of another."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.closerange(FIRST_FREE, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    sys.argv[1:] = []
    sys.modules["__main__"] = ModuleType("__main__")  # which a job's own subprocesses would import again
    if not sys.flags.safe_path:
        del sys.path[0]
