"""Single keys from the terminal, as they are pressed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reader = Callable[[], str]
"""Waits for a key: a printable character as itself, any other by a name of several letters."""

_NAMED = {
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\t": "tab",
    b"\x01": "home",
    b"\x05": "end",
    b"\x10": "up",
    b"\x0e": "down",
    b"\x15": "erase",
    b"\x17": "erase word",
}
_SEQUENCES = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"3~": "delete",
    b"4~": "end",
    b"5~": "page up",
    b"6~": "page down",
}
_CLOSED, _INTERRUPT, _END_OF_INPUT, _ESCAPE = b"", b"\x03", b"\x04", b"\x1b"
_PAUSE = 0.05
"""Seconds within which the rest of an arrow key follows its escape."""


def can_read_keys() -> bool:
    """Whether both ends are a terminal that moves its cursor when told to."""
    try:
        import termios  # noqa: F401
    except ImportError:
        return False
    ends = (sys.stdin, sys.stdout)
    return all(end is not None and end.isatty() for end in ends) and os.environ.get("TERM", "dumb") != "dumb"


@contextmanager
def keyboard() -> Iterator[Reader]:
    """Keys one by one and unseen; the terminal is as before when it ends.

    Ctrl-C raises KeyboardInterrupt, and so does the end of input.
    """
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSADRAIN)
    _without_signals(terminal)
    try:
        yield lambda: _key(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _without_signals(terminal: int) -> None:
    """Ctrl-C comes as a key: a signal right before a read would wait for the next key to be seen."""
    import termios

    modes = termios.tcgetattr(terminal)
    modes[3] &= ~termios.ISIG  # the local modes
    termios.tcsetattr(terminal, termios.TCSADRAIN, modes)


def _key(terminal: int) -> str:
    first = os.read(terminal, 1)
    if first in (_CLOSED, _INTERRUPT, _END_OF_INPUT):
        raise KeyboardInterrupt
    if first == _ESCAPE:
        return _sequence(terminal)
    if first in _NAMED:
        return _NAMED[first]
    letter = (first + _rest_of_letter(terminal, first[0])).decode(errors="replace")
    return letter if letter.isprintable() else "unknown"


def _sequence(terminal: int) -> str:
    if not _follows(terminal):
        return "escape"
    if os.read(terminal, 1) not in (b"[", b"O"):
        return "unknown"
    said = os.read(terminal, 1)
    while said[-1:] in b"0123456789;" and _follows(terminal):
        said += os.read(terminal, 1)
    return _SEQUENCES.get(said, "unknown")


def _follows(terminal: int) -> bool:
    import select

    return bool(select.select([terminal], [], [], _PAUSE)[0])


def _rest_of_letter(terminal: int, first: int) -> bytes:
    """What UTF-8 still owes for a letter that begins so."""
    owed = (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
    return b"".join(os.read(terminal, 1) for _ in range(owed))
