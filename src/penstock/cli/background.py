"""A process of ours that goes on when the command has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Background:
    """One process, known by the file that holds its id; its output goes to a log file."""

    def __init__(self, pid_file: Path, log: Path) -> None:
        self.pid_file = pid_file
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, or None when none was started."""
        try:
            return int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def running(self) -> bool:
        """Whether the process is there."""
        if self._child is not None:
            return self._child.poll() is None
        pid = self.pid
        if pid is None:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts `penstock` with these arguments, in a session of its own."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "penstock.cli.main", *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid_file.write_text(str(self._child.pid))

    def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after the grace."""
        pid = self.pid
        deadline = time.monotonic() + grace
        for number in (signal.SIGTERM, signal.SIGKILL):
            if pid is None or not self.running():
                break
            os.kill(pid, number)
            while self.running() and time.monotonic() < deadline:
                time.sleep(0.05)
        self.forget()

    def forget(self) -> None:
        """Removes the file."""
        self.pid_file.unlink(missing_ok=True)

    def tail(self, characters: int = 2000) -> str:
        """The end of the log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""
