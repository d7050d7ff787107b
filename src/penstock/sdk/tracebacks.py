"""Tracebacks as the user needs them: their own lines, not those of the machinery that called them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from penstock.errors import PenstockError

_OURS = str(Path(__file__).parent.parent) + "/"


def trimmed(error: BaseException, *, expected: bool = False) -> None:
    """Takes this package's frames off the error and those it came from.

    An error that has no others keeps them, as it may be a fault of this package, unless it was `expected`;
    then nor does it need what it came from, which its message tells.
    """
    if expected and isinstance(error, PenstockError):
        error.__cause__, error.__suppress_context__ = None, True
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kept = _without_ours(one.__traceback__)
        if kept is not None or expected:
            one.__traceback__ = kept
        waiting += [one.__cause__, one.__context__]


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_OURS):
            frames.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept
