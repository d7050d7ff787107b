"""A change of a deployment in words that are read at a glance: schedules and triggers in their own terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.core.owners import Change, Owner

LONGEST_VALUE = 100
_RULES = ("cron", "interval", "rrule")


def words(change: Change) -> str:
    """The change in one line, which begins with + for what comes, - for what goes, ~ for what changes, = for what is
    kept; long values are shortened."""
    name = change.name
    if change.owner is Owner.SERVER:
        there = _valued(name, change.before)
        said = "" if UNSET in (change.before, change.file) else f"; the file says {shown(name, change.file)}"
        return f"= {there} (kept: {change.note}{said})"
    note = f" (file wins: {change.note})" if change.note else ""
    if change.before is UNSET:
        return f"+ {_valued(name, change.after)}{note}"
    if change.after is UNSET:
        return f"- {_valued(name, change.before)}{note}"
    return f"~ {name}: {shown(name, change.before)} -> {shown(name, change.after)}{note}"


def _valued(name: str, value: Any) -> str:
    """A name with its value, where the name does not say it all."""
    text = "" if value is UNSET else shown(name, value)
    return f"{name}: {text}" if text and name != f"schedules[{text}]" else name


def shown(name: str, value: Any) -> str:
    """The value of a field in few characters."""
    if isinstance(value, Mapping) and name.startswith("schedules[") and any(key in value for key in _RULES):
        text = _schedule(value)
    elif isinstance(value, Mapping) and name.startswith("automations["):
        text = describe_trigger(value.get("trigger", value))
    else:
        text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def describe(schedule: Mapping[str, Any]) -> str:
    """A schedule's rule in a few words."""
    if "cron" in schedule:
        return f"cron {schedule['cron']}{_zone(schedule)}"
    if "interval" in schedule:
        return f"every {_stretch(float(schedule['interval']))}{_zone(schedule)}"
    rule = " ".join(str(schedule.get("rrule")).split())  # its start stands on a line of its own
    return f"rrule {rule}{_zone(schedule)}"


def _schedule(schedule: Mapping[str, Any]) -> str:
    """The rule, and what is said beside it."""
    about = []
    if "anchor_date" in schedule:
        about.append(f"counted from {schedule['anchor_date']}")
    if schedule.get("day_or") is False:
        about.append("both day of month and of week")
    if schedule.get("active") is False:
        about.append("not active")
    if schedule.get("parameters"):
        about.append(f"with {msgspec.json.encode(schedule['parameters']).decode()}")
    if schedule.get("max_scheduled_runs") is not None:
        about.append(f"{schedule['max_scheduled_runs']} runs ahead")
    return ", ".join([describe(schedule), *about])


def describe_trigger(trigger: Mapping[str, Any]) -> str:
    """A trigger in a few words."""
    inner = trigger.get("triggers")
    if inner:
        how = {"all": "all of", "any": "any of"}.get(trigger.get("require", "all"), f"{trigger.get('require')} of")
        joined = "; ".join(describe_trigger(one) for one in inner)
        return f"in order: {joined}" if trigger.get("type") == "sequence" else f"{how}: {joined}"
    events = " or ".join(trigger.get("expect") or ["any event"])
    number, seconds = trigger.get("threshold", 1), trigger.get("within") or 0
    often = f" {number} times" if number != 1 else ""
    within = f" within {_stretch(float(seconds))}" if seconds else ""
    return f"{'unless' if trigger.get('posture') == 'Proactive' else 'on'} {events}{often}{within}"


def _zone(schedule: Mapping[str, Any]) -> str:
    zone = schedule.get("timezone")
    return f" ({zone})" if zone and zone != "UTC" else ""


def _stretch(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}s" if count > 1 else unit
    return f"{seconds:g} s"
