"""When it runs: schedules, each checked and shown with its next times before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from penstock.core import schedules
from penstock.core.schedules import occurrences, parse, zone
from penstock.deploy.wizard.answers import Answers, Scene
from penstock.deploy.wizard.asker import Asker, Choice, something

SHOWN = 3
DAY_RULE = "RRULE:FREQ=DAILY;INTERVAL=1"
_KINDS = [
    Choice("interval", ("interval", "every so many seconds")),
    Choice("cron", ("cron", "a line such as 0 6 * * 1-5")),
    Choice("rrule", ("rrule", "an iCalendar rule")),
]


def ask_schedules(asker: Asker, scene: Scene, answers: Answers) -> None:
    """None, one or several, unless the deployment says already."""
    if "schedules" in answers.values or "schedule" in answers.values:
        return
    found: list[dict[str, Any]] = []
    more = asker.confirm("Run it on a schedule?", default=True)
    while more:
        found.append(_one(asker, scene.now))
        more = asker.confirm("Another schedule?", default=False)
    answers.values["schedules"] = found


def _one(asker: Asker, now: datetime) -> dict[str, Any]:
    kind = asker.choose("Schedule", _KINDS)
    raw = _ASK[kind](asker, now)
    parsed = parse(raw, now=now)
    where = zone(raw.get("timezone"))
    times = [moment.astimezone(where).strftime("%a %Y-%m-%d %H:%M") for moment in occurrences(parsed, now, limit=SHOWN)]
    asker.tell(f"next: {', '.join(times)} ({raw.get('timezone', 'UTC')})" if times else "That rule has no more times.")
    return {**raw, "active": asker.confirm("Active at once?", default=True)}


def _interval(asker: Asker, now: datetime) -> dict[str, Any]:
    text = asker.text("Seconds between runs", default="3600", check=_seconds)
    seconds = schedules.seconds_of(float(text) if _is_number(text) else text)
    return {"interval": int(seconds) if seconds.is_integer() else seconds}


def _seconds(text: str) -> str:
    schedules.seconds_of(float(text) if _is_number(text) else something(text))
    return text.strip()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cron(asker: Asker, now: datetime) -> dict[str, Any]:
    return _in_zone(asker, {"cron": asker.text("Cron line", default="0 0 * * *", check=_valid("cron", now))})


def _rrule(asker: Asker, now: datetime) -> dict[str, Any]:
    return _in_zone(asker, {"rrule": asker.text("Rule", default=DAY_RULE, check=_valid("rrule", now))})


def _in_zone(asker: Asker, raw: dict[str, Any]) -> dict[str, Any]:
    return {**raw, "timezone": asker.text("Time zone", default="UTC", check=_zone)}


def _valid(kind: str, now: datetime) -> Callable[[str], str]:
    return partial(_checked, kind, now)


def _checked(kind: str, now: datetime, text: str) -> str:
    parse({kind: something(text)}, now=now)
    return text.strip()


def _zone(text: str) -> str:
    zone(something(text))
    return text.strip()


_ASK: dict[str, Callable[[Asker, datetime], dict[str, Any]]] = {"interval": _interval, "cron": _cron, "rrule": _rrule}
