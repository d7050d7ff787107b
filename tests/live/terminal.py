"""A terminal with a person at it: what a command shows on the screen, and keys that are pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

UP, DOWN, ENTER, ESCAPE, BACKSPACE = "\x1b[A", "\x1b[B", "\r", "\x1b", "\x7f"
INTERRUPT, END_OF_INPUT, ERASE = "\x03", "\x04", "\x15"
LONGEST = 60
"""Seconds until something must have been seen; only bounds a hang."""
REST = 0.3
"""Seconds without a word after which a painting is whole."""
_PARTS = re.compile(r"\x1b\[(?P<numbers>[\d;?]*)(?P<letter>[A-Za-z])|(?P<sign>[\s\S])")
_UNFINISHED = re.compile(r"\x1b(\[[\d;?]*)?$")


class Screen:
    """What a terminal shows of what is written to it: of its control sequences those that Penstock uses."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self.row, self.column = 0, 0
        self._rest = ""

    def write(self, text: str) -> None:
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        self._rest = text[cut.start() :] if cut else ""
        for part in _PARTS.finditer(text[: cut.start()] if cut else text):
            if part["letter"]:
                self._control(part["letter"], part["numbers"])
            else:
                self._sign(part["sign"])

    def _control(self, letter: str, numbers: str) -> None:
        if letter == "A":
            self.row = max(0, self.row - int(numbers or 1))
        elif letter == "J":
            del self.lines[self.row + 1 :]
            del self.lines[self.row][self.column :]
        else:
            assert letter in "mhl", f"a control sequence that this screen does not know: {numbers}{letter}"

    def _sign(self, sign: str) -> None:
        if sign == "\n":
            self._down()
        elif sign == "\r":
            self.column = 0
        elif sign >= " ":
            if self.column == self.columns:
                self._down()
                self.column = 0
            line = self.lines[self.row]
            line += [" "] * (self.column + 1 - len(line))
            line[self.column] = sign
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    @property
    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip()


class Terminal:
    """One command that believes to be at a terminal; use `open_terminal`."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, columns: int) -> None:
        self._process = process
        self._ours = ours
        self.screen = Screen(columns)
        self.raw = ""
        """Everything that was written, colours and all."""

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self._ours, key.encode())

    def until(self, text: str) -> str:
        """The screen as soon as a text is on it."""
        deadline = time.monotonic() + LONGEST
        while text not in self.screen.text:
            assert time.monotonic() < deadline, f"{text!r} was not seen:\n{self.screen.text}"
            assert self._read(deadline), f"the command ended before {text!r} was seen:\n{self.screen.text}"
        return self.screen.text

    def at_rest(self) -> str:
        """The screen when nothing more is written: one painting may arrive in pieces."""
        while select.select([self._ours], [], [], REST)[0] and self._read(time.monotonic() + LONGEST):
            pass
        return self.screen.text

    def ended(self) -> int:
        """The exit code, when all that was written has been seen."""
        deadline = time.monotonic() + LONGEST
        while self._read(deadline):
            pass
        return self._process.wait(max(1.0, deadline - time.monotonic()))

    def _read(self, deadline: float) -> bool:
        """Takes what was written next; whether the command still has the terminal."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing was written any more:\n{self.screen.text}"
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += (text := data.decode(errors="replace"))
        self.screen.write(text)
        return bool(data)


@contextmanager
def open_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int = 80, rows: int = 24
) -> Iterator[Terminal]:
    """Starts the command there, and ends it at the end if it still runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, columns)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(ours)
