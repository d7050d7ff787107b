"""The form of a schedule, and when a schedule is next: cron, interval or rrule, in a zone, with its own parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.clock import EPOCH
from penstock.core import schedules
from penstock.core.change_words import describe
from penstock.errors import PenstockError, ScheduleInvalid
from penstock.ui.schema_forms import json_object
from penstock.wire.schedules import DeploymentSchedule

NEXT = 5
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "seconds": 1}
KINDS = {"cron": "Cron", "interval": "Interval", "rrule": "Calendar rule"}
FIELDS = ("kind", "cron", "every", "unit", "anchor_date", "rrule", "timezone", "parameters", "most", "day_or", "active")


@dataclass(frozen=True, slots=True)
class ScheduleForm:
    """A schedule as it is being edited: each field's text by its name, and what is wrong with it."""

    texts: Mapping[str, str]
    faults: Mapping[str, str]

    def text(self, name: str) -> str:
        """What a field holds."""
        return self.texts.get(name, "")

    def fault(self, name: str) -> str:
        """What is wrong with it."""
        return self.faults.get(name, "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a good form says."""

    rule: dict[str, Any]
    parameters: dict[str, Any]
    most: int | None
    active: bool


def new_form(zone: str = "UTC") -> ScheduleForm:
    """The form of a new schedule."""
    return ScheduleForm({"kind": "cron", "unit": "hours", "timezone": zone, "day_or": "yes", "active": "yes"}, {})


def form_of(one: DeploymentSchedule) -> ScheduleForm:
    """The form of a schedule that is there."""
    raw = one.schedule
    texts = {
        "kind": next((kind for kind in KINDS if raw.get(kind) is not None), "cron"),
        "cron": str(raw.get("cron") or ""),
        "rrule": str(raw.get("rrule") or ""),
        "timezone": str(raw.get("timezone") or "UTC"),
        "day_or": "" if raw.get("day_or") is False else "yes",
        "active": "yes" if one.active else "",
        "parameters": json.dumps(one.parameters, indent=2, ensure_ascii=False) if one.parameters else "",
        "most": "" if one.max_scheduled_runs is None else str(one.max_scheduled_runs),
        "unit": "hours",
    }
    if raw.get("interval") is not None:
        texts |= _interval_texts(schedules.seconds_of(raw["interval"])) | {"anchor_date": str(raw.get("anchor_date"))}
    return ScheduleForm(texts, {})


def sent_form(sent: Mapping[str, list[str]], now: datetime) -> tuple[ScheduleForm, Wanted | None]:
    """The form that was sent, and what it says; None where something does not fit, which is said beside it."""
    texts = {name: sent[name][-1].replace("\r\n", "\n").strip() for name in FIELDS if name in sent}
    faults: dict[str, str] = {}
    parameters, most = _parameters(texts.get("parameters", ""), faults), _most(texts.get("most", ""), faults)
    rule = _rule(texts, faults, now)
    wanted = None if faults else Wanted(rule, parameters, most, bool(texts.get("active")))
    return ScheduleForm(texts, faults), wanted


def words_of(one: DeploymentSchedule) -> str:
    """A schedule in one line."""
    try:
        return describe({**one.schedule, **_plain_interval(one.schedule)})
    except PenstockError:
        return json.dumps(one.schedule)


def next_times(rule: Mapping[str, Any], now: datetime, count: int = NEXT) -> list[datetime]:
    """When it is next; nothing for one that can't be understood or is over."""
    try:
        return schedules.occurrences(schedules.parse(rule, now=EPOCH), now, limit=count)
    except PenstockError:
        return []


def _plain_interval(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"interval": schedules.seconds_of(rule["interval"])} if rule.get("interval") is not None else {}


def _interval_texts(seconds: float) -> dict[str, str]:
    """In the longest unit that it is whole in."""
    for unit in ("days", "hours", "minutes"):
        if seconds % UNITS[unit] == 0:
            return {"every": f"{seconds / UNITS[unit]:g}", "unit": unit}
    return {"every": f"{seconds:g}", "unit": "seconds"}


def _rule(texts: Mapping[str, str], faults: dict[str, str], now: datetime) -> dict[str, Any]:
    """The rule as it will be kept, checked."""
    kind = texts.get("kind", "")
    raw: dict[str, Any] = {"timezone": texts.get("timezone") or None}
    if kind == "interval":
        raw["interval"] = _seconds(texts, faults)
        raw |= {"anchor_date": texts["anchor_date"]} if texts.get("anchor_date") else {}
    elif kind == "rrule":
        raw["rrule"] = texts.get("rrule", "")
    else:
        raw |= {"cron": texts.get("cron", ""), "day_or": bool(texts.get("day_or"))}
    if "every" in faults:
        return raw
    try:
        return schedules.to_wire(schedules.parse(raw, now=now))
    except ScheduleInvalid as error:
        place, colon, said = error.message.partition(": ")
        known = {"interval": "every"}.get(place, place)
        faults[known if colon and known in FIELDS else "kind"] = said if colon and known in FIELDS else error.message
        return raw


def _seconds(texts: Mapping[str, str], faults: dict[str, str]) -> float:
    text = texts.get("every", "")
    try:
        seconds = float(text) * UNITS.get(texts.get("unit", ""), 1)
    except ValueError:
        faults["every"] = f"{text!r} is no number."
        return 0.0
    if seconds <= 0:
        faults["every"] = "It must be more than zero."
    return seconds


def _parameters(text: str, faults: dict[str, str]) -> dict[str, Any]:
    try:
        return json_object(text, '{"limit": 10}')
    except ValueError as error:
        faults["parameters"] = str(error)
        return {}


def _most(text: str, faults: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isdecimal() and int(text[:9]) > 0:
        return int(text[:9])
    faults["most"] = f"{text!r} is no whole number of at least 1. Leave it empty for the server's own."
    return None
