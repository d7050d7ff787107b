"""Schedules: what the wire says becomes a schedule, and a schedule says when.

Dates are reckoned in the wall time of the schedule's zone and then placed on the time line. A wall time that
comes twice (clocks set back) is meant once, the first time. One that never comes (clocks set forward) is
placed an hour off: a cron date before the gap, an interval or rrule date behind it. That is how Prefect's
server was seen to reckon (semantics.md 8).
"""

from __future__ import annotations

import heapq
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec
from dateutil import rrule as recurrence

from penstock.errors import ScheduleInvalid
from penstock.names import nearest
from penstock.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

Schedule = IntervalSchedule | CronSchedule | RRuleSchedule

MOST_DATES = 1000
LONGEST_RRULE = 6500
LARGEST_COUNT = 10_000
HORIZON = timedelta(days=366 * 50)
DAY = timedelta(days=1)
FIRST_DATE = datetime(2020, 1, 1)

_KINDS: dict[str, type[Schedule]] = {"interval": IntervalSchedule, "cron": CronSchedule, "rrule": RRuleSchedule}
_CLOCK = re.compile(r"(?:(\d+)[ ]days?,?[ ]*)?(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?")
_DURATION = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)
_RANDOM_OR_HASHED = re.compile(r"^[rh](?:\(.*\))?(?:/.*)?$", re.IGNORECASE)
# One step of these frequencies has always the same length, so that a rule can begin later at the same beat.
_STEPS = {
    recurrence.WEEKLY: timedelta(weeks=1),
    recurrence.DAILY: DAY,
    recurrence.HOURLY: timedelta(hours=1),
    recurrence.MINUTELY: timedelta(minutes=1),
    recurrence.SECONDLY: timedelta(seconds=1),
}


def parse(raw: Mapping[str, Any], *, now: datetime) -> Schedule:
    """The schedule of exactly one of `interval`, `cron` or `rrule` and what goes with it; `now` is the default anchor.

    Raises `ScheduleInvalid`, which names the value and the reason.
    """
    given = [kind for kind in _KINDS if raw.get(kind) is not None]
    if len(given) != 1:
        raise ScheduleInvalid(f"A schedule has exactly one of cron, interval and rrule; this has {given or 'none'}.")
    kind = _KINDS[given[0]]
    for key in raw:
        if key not in kind.__struct_fields__ and not (raw[key] is None and key in _KINDS):
            meant = nearest(key, kind.__struct_fields__)
            raise ScheduleInvalid(
                f"{key!r} does not belong to a schedule with {given[0]}.{f' Did you mean {meant}?' if meant else ''}"
            )
    return _PARSERS[given[0]](raw, now)


def to_wire(schedule: Schedule) -> dict[str, Any]:
    """The schedule as the API writes it."""
    plain: dict[str, Any] = msgspec.to_builtins(schedule)
    return plain


def occurrences(schedule: Schedule, start: datetime, *, limit: int, end: datetime | None = None) -> list[datetime]:
    """The dates from `start` to `end`, both included, in UTC, each later than the one before; at most 1000."""
    return list(each_occurrence(schedule, start, limit=limit, end=end))


def each_occurrence(
    schedule: Schedule, start: datetime, *, limit: int, end: datetime | None = None
) -> Iterator[datetime]:
    """The same one by one: who needs some of them spares the reckoning of the others."""
    start = _aware(start)
    dates = _once_each(date for date in _dates(schedule, start) if date >= start)
    if end is not None:
        last = _aware(end)
        dates = takewhile(lambda date: date <= last, dates)
    return islice(dates, max(0, min(limit, MOST_DATES)))


def seconds_of(value: object) -> float:
    """An interval in seconds from a number, `HH:MM:SS` or an ISO-8601 duration; `ScheduleInvalid` if it is neither."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ScheduleInvalid(f"interval: {value!r} is not a number of seconds, HH:MM:SS or an ISO-8601 duration.")
    else:
        seconds = _seconds_of_text(value) if isinstance(value, str) else float(value)
    if not math.isfinite(seconds) or round(seconds * 1e6) <= 0:
        raise ScheduleInvalid(f"interval: {value!r} must be more than zero.")
    if seconds > timedelta.max.total_seconds():
        raise ScheduleInvalid(f"interval: {value!r} is longer than the calendar.")
    return seconds


def zone(name: str | None) -> tzinfo:
    """The time zone of a name (None: UTC); `ScheduleInvalid` names the nearest when there is none."""
    if name is None or name == "UTC":
        return UTC
    try:
        return _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = nearest(name, available_timezones())
        hint = f" Did you mean {meant}?" if meant else ""
        raise ScheduleInvalid(f"timezone: {name!r} is not a time zone.{hint}") from None


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)


def _seconds_of_text(text: str) -> float:
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    if found := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    if (found := _DURATION.fullmatch(text)) and any(found.groups()):
        weights = (604800, 86400, 3600, 60, 1)
        return sum(float(part or 0) * weight for part, weight in zip(found.groups(), weights, strict=True))
    raise ScheduleInvalid(f"interval: {text!r} is not a number of seconds, HH:MM:SS or an ISO-8601 duration.")


def _interval(raw: Mapping[str, Any], now: datetime) -> IntervalSchedule:
    anchor = _moment(raw.get("anchor_date"), now)
    name = _text(raw, "timezone")
    if name is None:
        name = getattr(anchor.tzinfo, "key", None) or "UTC"
    zone(name)
    return IntervalSchedule(interval=seconds_of(raw["interval"]), anchor_date=_aware(anchor), timezone=name)


def _moment(value: object, now: datetime) -> datetime:
    if value is None:
        return now
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise ScheduleInvalid(f"anchor_date: {value!r} is not an ISO-8601 date and time.") from None


def _cron(raw: Mapping[str, Any], _: datetime) -> CronSchedule:
    line, name = _text(raw, "cron") or "", _text(raw, "timezone")
    zone(name)
    day_or = raw.get("day_or")
    if not isinstance(day_or, bool | None):
        raise ScheduleInvalid(f"day_or: {day_or!r} is neither true nor false.")
    if any(_RANDOM_OR_HASHED.match(part) for part in line.split()):
        raise ScheduleInvalid(f"cron: {line!r} asks for random or hashed times, which are not supported.")
    if not line.startswith("@") and not 5 <= (count := len(line.split())) <= 7:
        raise ScheduleInvalid(
            f"cron: {line!r} has {count} fields; five are needed: minute, hour, day of month, month, day of week."
        )
    if (reason := _cron_fault(line)) is not None:
        raise ScheduleInvalid(f"cron: {line!r} can't be understood: {reason}")
    return CronSchedule(cron=line, timezone=name, day_or=day_or is not False)


@lru_cache(maxsize=512)
def _cron_fault(line: str) -> str | None:
    """What is wrong with a line, which is asked several times on a deployment's way."""
    from croniter import croniter

    try:
        croniter(line)
    except (ValueError, OverflowError) as error:
        return str(error)
    return None


def _rrule(raw: Mapping[str, Any], _: datetime) -> RRuleSchedule:
    text, name = _text(raw, "rrule") or "", _text(raw, "timezone") or "UTC"
    zone(name)
    if len(text) > LONGEST_RRULE:
        raise ScheduleInvalid(f"rrule: the text has {len(text)} characters; at most {LONGEST_RRULE} are taken.")
    if text.lstrip().startswith("{"):
        text = _embedded_rule(text)
    rules = _rules(text)
    for rule in [*rules.rules, *rules.excluded_rules]:
        if (count := _count(rule) or 0) > LARGEST_COUNT:
            raise ScheduleInvalid(f"rrule: COUNT={count} is more than {LARGEST_COUNT}; use UNTIL.")
    return RRuleSchedule(rrule=text if "DTSTART" in text.upper() else f"{_DTSTART}\n{text}", timezone=name)


_PARSERS: dict[str, Callable[[Mapping[str, Any], datetime], Schedule]] = {
    "interval": _interval,
    "cron": _cron,
    "rrule": _rrule,
}
# The schedule's own zone counts; those in the text are dropped.
_ZONE = re.compile(r";TZID=[^:;\n]*", re.IGNORECASE)
_DTSTART = f"DTSTART:{FIRST_DATE:%Y%m%dT%H%M%S}"


def _embedded_rule(text: str) -> str:
    """The command line also takes `{"rrule": "...", "timezone": "..."}` as the rule."""
    try:
        return str(json.loads(text)["rrule"])
    except (ValueError, KeyError, TypeError):
        raise ScheduleInvalid(f"rrule: {text!r} is not a rule, nor an object with one.") from None


def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    if value is not None and not isinstance(value, str):
        raise ScheduleInvalid(f"{key}: {value!r} is not text.")
    return value


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _dates(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    """The dates of a schedule from about `start` on, never going back."""
    if isinstance(schedule, IntervalSchedule):
        return _interval_dates(schedule, start)
    where = zone(schedule.timezone)
    first = _wall(start, where)
    if isinstance(schedule, CronSchedule):
        return _in_order(_cron_walls(schedule, first), where)
    return _in_order(_rrule_walls(_rules(schedule.rrule), first), where)


def _once_each(dates: Iterable[datetime]) -> Iterator[datetime]:
    last = None
    for date in dates:
        if last is None or date > last:
            yield date
        last = date


def _interval_dates(schedule: IntervalSchedule, start: datetime) -> Iterator[datetime]:
    """Whole days are calendar days in the zone, the rest is elapsed time."""
    where = zone(schedule.timezone)
    anchor = _aware(schedule.anchor_date).astimezone(where)
    step = timedelta(microseconds=round(schedule.interval * 1e6))
    days, rest = timedelta(days=step.days), step - timedelta(days=step.days)
    # Two steps early: a zone may have skipped or repeated a day since the anchor.
    index = (start - anchor.astimezone(UTC)) // step - 2
    while True:
        try:
            yield (anchor + days * index).astimezone(UTC) + rest * index
        except OverflowError:
            if index > 0:
                return
        index += 1


def _wall(start: datetime, where: tzinfo) -> datetime:
    """Where in wall time to begin, so that no date at or after `start` is missed when clocks were just set forward."""
    try:
        offset, earlier = (_offset(moment.astimezone(where)) for moment in (start, start - DAY))
        return start.astimezone(where).replace(tzinfo=None) - max(offset - earlier, timedelta())
    except OverflowError:
        return start.replace(tzinfo=None)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _cron_walls(schedule: CronSchedule, first: datetime) -> Iterator[datetime]:
    from croniter import croniter  # 10 ms to import, which a script with a server of its own never needs

    lines = croniter(schedule.cron, first - timedelta(seconds=1), day_or=schedule.day_or, ret_type=datetime)
    while True:
        try:
            yield lines.get_next(datetime).replace(tzinfo=None)
        except (OverflowError, ValueError):
            return  # no such date in the next decades, such as 30 February


class _Rules(msgspec.Struct, frozen=True):
    """What the lines of an rrule text say, in wall time."""

    rules: list[recurrence.rrule]
    dates: list[datetime]
    excluded_rules: list[recurrence.rrule]
    excluded_dates: list[datetime]


@lru_cache(maxsize=512)
def _rules(text: str) -> _Rules:
    """`ScheduleInvalid` when the text is no rule."""
    if len(set(re.findall(r"(?im)^DTSTART.*$", text))) > 1:
        raise ScheduleInvalid(f"rrule: {text!r} begins more than once; give one DTSTART.")
    try:
        found: Any = recurrence.rrulestr(_ZONE.sub("", text), dtstart=FIRST_DATE, forceset=True, ignoretz=True)
    except Exception as error:  # the parser lets errors of many kinds through
        raise ScheduleInvalid(f"rrule: {text!r} can't be understood: {error}") from None
    # Its attributes are private, but it has no other way to be asked for its parts.
    rules = _Rules(found._rrule, found._rdate, found._exrule, found._exdate)
    if not (rules.rules or rules.dates) or not all(_has_days(rule) for rule in rules.rules + rules.excluded_rules):
        raise ScheduleInvalid(f"rrule: {text!r} names no dates.")
    return rules


def _has_days(rule: recurrence.rrule) -> bool:
    """Whether any day can match. The search for one, day by day or second by second, would go on for millennia;
    year by year it ends soon."""
    parts = {name: _part(rule, name) for name in ("bymonth", "byyearday", "byweekno", "byeaster", "byweekday")}
    parts["bymonthday"] = [*(_part(rule, "bymonthday") or ()), *(_part(rule, "bynmonthday") or ())] or None
    if _part(rule, "freq") not in _STEPS or not any(parts.values()):
        return True
    yearly = recurrence.rrule(recurrence.YEARLY, dtstart=FIRST_DATE, byhour=0, byminute=0, bysecond=0, **parts)
    return next(iter(yearly), None) is not None


def _rrule_walls(rules: _Rules, first: datetime) -> Iterator[datetime]:
    included = heapq.merge(*(_rule_walls(rule, first) for rule in rules.rules), sorted(rules.dates))
    excluded = heapq.merge(*(_rule_walls(rule, first) for rule in rules.excluded_rules), sorted(rules.excluded_dates))
    without = next(excluded, None)
    for wall in included:
        while without is not None and without < wall:
            without = next(excluded, None)
        if wall != without and wall >= first:
            yield wall


def _rule_walls(rule: recurrence.rrule, first: datetime) -> Iterator[datetime]:
    """A rule's dates; one without COUNT begins near `first`, not at its DTSTART years ago."""
    last = min(first, datetime.max - HORIZON) + HORIZON
    until = _part(rule, "until")
    bounded = min(last, until) if until else last
    count = _count(rule)
    if count is not None:
        return islice(rule.replace(count=None, until=bounded), count)
    step, begun = _STEPS.get(_part(rule, "freq")), _part(rule, "dtstart")
    if step and first > begun:
        step *= _part(rule, "interval") or 1
        begun += step * max((first - begun) // step - 1, 0)
    return iter(rule.replace(dtstart=begun, until=bounded))


def _count(rule: recurrence.rrule) -> int | None:
    count: int | None = _part(rule, "count")
    return count


def _part(rule: recurrence.rrule, name: str) -> Any:
    return getattr(rule, f"_{name}")


def _in_order(walls: Iterable[datetime], where: tzinfo) -> Iterator[datetime]:
    """Wall times on the time line, sorted: around a gap a later wall time can be an earlier moment."""
    waiting: list[datetime] = []
    for wall in walls:
        try:
            heapq.heappush(waiting, _placed(wall, where))
            settled = _earliest_left(wall, where)
        except OverflowError:
            break
        while waiting and waiting[0] <= settled:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)


def _earliest_left(wall: datetime, where: tzinfo) -> datetime:
    """No wall time after this one can be an earlier moment than this."""
    if where is UTC:
        return wall.replace(tzinfo=UTC)
    offsets = (_offset((wall + shift).replace(tzinfo=where)) for shift in (-DAY, timedelta(), DAY))
    return wall.replace(tzinfo=UTC) - max(offsets)


def _placed(wall: datetime, where: tzinfo) -> datetime:
    """The moment of a wall time; one that never comes is taken with the offset of afterwards."""
    date = wall.replace(tzinfo=where).astimezone(UTC)
    if where is UTC or date.astimezone(where).replace(tzinfo=None) == wall:
        return date
    return wall.replace(tzinfo=where, fold=1).astimezone(UTC)
