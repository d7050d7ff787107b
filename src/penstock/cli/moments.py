"""When: `in 10 minutes`, `1h30m`, `17:30`, `2026-01-31T08:00`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from penstock.cli.console import Failure

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNIT = r"w(?:eeks?)?|d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?"
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![a-z])")


def after(text: str, now: datetime) -> datetime:
    """The moment a stretch of time from now. Raises Failure for text that is none."""
    plain = re.sub(r"\b(in|and)\b|,", " ", text.lower()).strip()
    seconds = sum(float(count) * _UNITS[unit[0]] for count, unit in _PART.findall(plain))
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        seconds = float(plain)
    elif not plain or _PART.sub("", plain).strip():
        raise Failure(f"Can't understand the stretch of time {text!r}: write it like '10 minutes' or '1h30m'.")
    return now + timedelta(seconds=seconds)


def at(text: str, now: datetime) -> datetime:
    """The moment that is named; without a date the next such time of day, without a zone the local one."""
    plain = text.strip()
    clock = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*(am|pm)?", plain.lower())
    if clock and (clock[2] or clock[4]):
        return _next(clock, now, text)
    try:
        moment = datetime.fromisoformat(plain.replace(" UTC", "+00:00"))
    except ValueError:
        raise _not_understood(text) from None
    return moment if moment.tzinfo else moment.astimezone()


def _next(clock: re.Match[str], now: datetime, text: str) -> datetime:
    hour = int(clock[1])
    if clock[4]:
        hour = hour % 12 + (12 if clock[4] == "pm" else 0)
    try:
        moment = now.astimezone().replace(
            hour=hour, minute=int(clock[2] or 0), second=int(clock[3] or 0), microsecond=0
        )
    except ValueError:
        raise _not_understood(text) from None
    return moment if moment > now else moment + timedelta(days=1)


def _not_understood(text: str) -> Failure:
    return Failure(f"Can't understand the time {text!r}: write it like '2026-01-31T08:00', '17:30' or '5pm'.")
