"""Times, durations, states and levels in the words of the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

TONES = {
    "Late": "late",
    "AwaitingRetry": "scheduled",
    "Suspended": "paused",
}
"""The tone of a state by its name, where it is not the one of its type."""

_WAITING = ("SCHEDULED", "PENDING", "PAUSED")
_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"))
_LEVELS = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"), (0, "debug"))


def tone(run: Any) -> str:
    """The colour word of a run or state: `completed`, `late`, ..."""
    kind = getattr(run, "state_type", None) or getattr(run, "type", None)
    name = getattr(run, "state_name", None) or getattr(run, "name", None)
    return TONES.get(str(name), str(kind or "none").lower())


def iso(moment: datetime | None) -> str:
    """For a machine."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else ""


def exact(moment: datetime | None) -> str:
    """For who has no script: the moment in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long."""
    if moment is None:
        return "never"
    away = (now - moment).total_seconds()
    if abs(away) < 5:
        return "now"
    return f"{seconds(abs(away), short=True)} ago" if away > 0 else f"in {seconds(-away, short=True)}"


def seconds(length: float, *, short: bool = False) -> str:
    """A duration: `240 ms`, `3.2 s`, `4 min 10 s`; short ones in one unit."""
    if length < 0.9995 and not short:
        return f"{length * 1000:.0f} ms"
    if length < 59.5:
        return f"{length:.0f} s" if short or length >= 9.95 else f"{length:.1f} s"
    whole = round(length)
    at = next(i for i, (size, _) in enumerate(_SPANS) if whole >= size)
    size, unit = _SPANS[at]
    first = f"{whole // size} {unit}"
    below, name = _SPANS[at + 1] if at + 1 < len(_SPANS) else (1, "s")
    rest = whole % size // below
    return first if short or not rest else f"{first} {rest} {name}"


def lasted(run: Any, now: datetime) -> str:
    """How long a run ran or has been running, without the time in which it waits; nothing when it has not begun."""
    if run.start_time is None:
        return ""
    if run.end_time is None and run.state_type in _WAITING:
        ran = getattr(run, "total_run_time", 0)
        return seconds(ran) if ran else ""
    end = run.end_time or now
    return seconds(max((end - run.start_time) / timedelta(seconds=1), 0))


def level_name(level: int) -> str:
    """A log level's word."""
    return next(word for least, word in _LEVELS if level >= least)
