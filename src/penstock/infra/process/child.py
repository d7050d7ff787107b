"""What a new process does to become its job: its own group, output, folder and environment."""

from __future__ import annotations

import atexit
import importlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TextIO, cast

from penstock.infra.process.folder import JobFolder
from penstock.infra.process.orders import Order

CANNOT_RUN = 126
NOT_FOUND = 127
HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that wait while a process is between the keeper's ways and its own."""

INTERPRETER_PREFIXES = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_", "LANG", "LC_")
SET_LATER = {"PYTHONPATH", "PYTHONUNBUFFERED"}
"""What an interpreter reads only when it begins, and of that what can be made up for in a fork."""


def can_fork(env: dict[str, str]) -> bool:
    """Whether a fork of an interpreter begun with this process's environment can serve one with `env`."""
    if not sys.platform.startswith("linux"):
        return False
    names = {name for name in (*env, *os.environ) if name.startswith(INTERPRETER_PREFIXES)} - SET_LATER
    return all(env.get(name) == os.environ.get(name) for name in names)


def leave(code: int) -> NoReturn:
    """Ends a forked process as an interpreter does, save for taking apart a heap that is gone anyway.

    That takes several times what the fork took, on the CPU that the next job waits for.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads; what the interpreter itself calls
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def lead_group(pid: int) -> None:
    """Makes a process the first of a group of its own; parent and child both do, so that neither need wait."""
    with suppress(OSError):
        os.setpgid(pid, pid)


def become(order: Order) -> int:
    """Runs the job in this process and returns its exit code; with `argv` it does not return."""
    lead_group(os.getpid())
    folder = JobFolder(Path(order.folder))
    folder.write_process(os.getpid())
    _redirect(folder.output)
    _reset_signals()
    try:
        os.chdir(order.cwd)
    except OSError as error:
        return _fail(CANNOT_RUN, f"The working directory can't be entered: {error}")
    if order.argv:
        return _replace(order.argv, order.env)
    _take_environment(order.env)
    return _call(order.entry or "", folder)


def _redirect(output: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(source, target)
    for spare in {nothing, file} - {0, 1, 2}:
        os.close(spare)


def _reset_signals() -> None:
    for number in (*HELD, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def _replace(argv: list[str], env: dict[str, str]) -> int:
    try:
        os.execvpe(argv[0], argv, env)
    except FileNotFoundError:
        return _fail(NOT_FOUND, f"The command {argv[0]!r} was not found.")
    except (OSError, ValueError) as error:
        return _fail(CANNOT_RUN, f"The command {argv[0]!r} can't be run: {error}")


def _fail(code: int, message: str) -> int:
    os.write(2, message.encode() + b"\n")
    return code


def _take_environment(env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    random.seed()
    known = set(sys.path)
    added = [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in known]
    sys.path[:0] = added
    for stream in (sys.stdout, sys.stderr):
        cast("_Reconfigurable", stream).reconfigure(line_buffering=True)


class _Reconfigurable(TextIO):
    def reconfigure(self, *, line_buffering: bool) -> None: ...


def _call(entry: str, folder: JobFolder) -> int:
    module, _, name = entry.partition(":")
    function = cast("Callable[[bytes], int]", getattr(importlib.import_module(module), name))
    return function(folder.payload())


def main() -> None:
    """Entered by a fresh interpreter that a fork could not stand in for: `python -m ... <entry> <folder>`."""
    folder = JobFolder(Path(sys.argv[2]))
    sys.exit(_call(sys.argv[1], folder))


if __name__ == "__main__":
    main()
