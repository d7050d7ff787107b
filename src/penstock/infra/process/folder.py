"""What is kept of one job on disk, so that a restarted host finds it again.

`job.json` is written before the process exists, `process.json` before the process does
anything, `exit.json` by the keeper when it has ended. Who hosts the job holds a lock on `job.json`,
which the kernel lets go when the host dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

VARIABLE = "PENSTOCK__JOB_FOLDER"
"""Names the folder to the job."""

MOST_OUTPUT_BYTES = 32 << 20
TAIL_BYTES = 4096
TAIL_LINES = 20


class Process(msgspec.Struct, frozen=True):
    """A process, told from a later one with the same number by when it began."""

    pid: int
    began: str


class FollowUp(msgspec.Struct, frozen=True):
    """What a job leaves to be run after its end: an entry, which gets the job's payload, and where to run it."""

    entry: str
    cwd: str


class JobFolder:
    """The files of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.output = path / "output.log"
        self._lock: int | None = None

    def create(self, note: Mapping[str, Any], payload: bytes) -> None:
        """Writes the job down and holds it; FileExistsError when this job was started before."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.mkdir(mode=0o700)
        self.output.touch(0o600)
        (self.path / "payload").write_bytes(payload)
        part = self.path / "job.part"
        part.write_bytes(msgspec.json.encode(dict(note)))
        self._take(part)
        part.rename(self.path / "job.json")  # nobody finds it without a holder

    def hold(self) -> bool:
        """Takes the job for this host; False when another host that lives has it."""
        if self._lock is not None:
            return True
        try:
            return self._take(self.path / "job.json")
        except FileNotFoundError:
            return False

    def _take(self, file: Path) -> bool:
        lock = os.open(file, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Lets another host take the job."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Deletes all that is kept."""
        self.release()
        shutil.rmtree(self.path, ignore_errors=True)

    def note(self) -> dict[str, Any]:
        """What the host wrote about the job; empty when it was cut off while writing."""
        return read(self.path / "job.json", dict[str, Any]) or {}

    def payload(self) -> bytes:
        return (self.path / "payload").read_bytes()

    def process(self) -> Process | None:
        """The job's process, whether it lives or not; None when it never began."""
        found: Process | None = read(self.path / "process.json", Process)
        return found

    def write_process(self, pid: int) -> None:
        """Called by the job's process before all else, and by the keeper before it tells anybody."""
        write(self.path / "process.json", Process(pid, began(pid) or ""))

    def exit_code(self) -> int | None:
        """The recorded exit code; None while the job runs, or when nobody saw it end."""
        found = read(self.path / "exit.json", dict[str, int])
        return found["code"] if found else None

    def write_exit(self, code: int) -> None:
        """Called by the keeper; a folder that is gone belongs to a job nobody asks about."""
        with suppress(FileNotFoundError):
            write(self.path / "exit.json", {"code": code})

    def leave_word(self) -> None:
        """Called by the job: the server knows how its run ended."""
        (self.path / "reported").touch()

    def left_word(self) -> bool:
        """Whether the job said that."""
        return (self.path / "reported").exists()

    def leave_follow_up(self, wanted: FollowUp) -> None:
        """Called by the job."""
        write(self.path / "follow-up.json", wanted)

    def follow_up(self) -> FollowUp | None:
        """What the job left to be run."""
        found: FollowUp | None = read(self.path / "follow-up.json", FollowUp)
        return found

    def is_left(self, before: float) -> bool:
        """Whether nobody will ask about the job any more: it has no host and no process, and began before a moment."""
        try:
            if self.path.stat().st_mtime > before:
                return False
        except FileNotFoundError:
            return False
        process = self.process()
        if process and began(process.pid) == process.began:
            return False
        if not (self.path / "job.json").exists():
            return True
        held = self.hold()
        self.release()
        return held

    def bound_output(self, most: int = MOST_OUTPUT_BYTES) -> None:
        """Lets the output begin anew when it has become too long: a job that never ends must not fill the disk."""
        with suppress(FileNotFoundError), self.output.open("r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size <= most:
                return
            file.seek(size - TAIL_BYTES)
            end = file.read()
            file.truncate(0)
            # The job appends, and so does this: what it writes meanwhile is not overwritten.
            with self.output.open("ab") as again:
                again.write(b"... %d bytes of output were dropped here ...\n%b" % (size - len(end), end))

    def tail(self) -> str:
        """The last lines of the output."""
        try:
            with self.output.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-TAIL_LINES:])


def began(pid: int) -> str | None:
    """When a living process began, in the kernel's ticks; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def write(path: Path, value: object) -> None:
    """Replaces the file in one step, so that a reader sees all of it or nothing."""
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(msgspec.json.encode(value))
    part.rename(path)


def read(path: Path, kind: Any) -> Any:
    """The value of a file, or None when it is not there or not complete."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
