"""A deployment's schedules after a deploy: those of the file, and those that people added on the server.

A schedule is known by its slug, else by its rule. One that the file made and has left goes; one that a person added
stays; one that a person removed stays away as long as the file says nothing new about it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.core.change_words import describe
from penstock.core.deployment_plans import PlannedSchedule
from penstock.core.owners import Three, keywise
from penstock.wire.deployment_versions import KeptSchedule
from penstock.wire.schedules import DeploymentSchedule

_SETTINGS: dict[str, Any] = {"active": True, "max_scheduled_runs": None, "parameters": {}}
"""What a schedule says beside its rule, and what it is where nobody says it."""


@dataclass(frozen=True, slots=True)
class _Match:
    """One schedule of the file with the same one as it was deployed last, and on the server."""

    file: PlannedSchedule
    last: PlannedSchedule | None
    server: DeploymentSchedule | None


def schedules_after(
    three: Three,
    last: list[PlannedSchedule],
    file: list[PlannedSchedule],
    server: list[DeploymentSchedule],
    now: datetime | None,
) -> list[KeptSchedule] | None:
    """All schedules that there will be, or None where they stay as they are; differences are told to `three`."""
    if "schedules" in three.unknown:
        return None
    told = len(three.changes)
    matches = _matches(last, file, server, now)
    after = [one for match in matches if (one := _of_file(three, match, now)) is not None]
    for there in server:
        if all(match.server is not there for match in matches):
            after += _left_over(three, there, last)
    made = [one for one in three.changes[told:] if one.owner == "file"]
    return after if made else None


def schedules_replaced(
    three: Three, file: list[PlannedSchedule], server: list[DeploymentSchedule], now: datetime | None
) -> list[KeptSchedule] | None:
    """As Prefect does it, where nobody knows what was deployed last: no schedules leave those on the server alone;
    where all have slugs they are matched by them and others stay; else the file's take the place of all."""
    if not file or "schedules" in three.unknown:
        return None
    told = len(three.changes)
    by_slug = all(one.slug for one in server) and all(one.slug for one in file)
    sides = three if by_slug else replace(three, knows_last=False, reset=True)
    matches = _matches([], file, server, now)
    after = [one for match in matches if (one := _of_file(sides, match, now)) is not None]
    others = [_as_it_is(one) for one in server if all(match.server is not one for match in matches)]
    if by_slug:
        after += others
    else:
        for other in others:
            three.remove(_name(other.slug, other.schedule), _shown(other))
    return after if len(three.changes) > told else None


def _matches(
    last: list[PlannedSchedule], file: list[PlannedSchedule], server: list[DeploymentSchedule], now: datetime | None
) -> list[_Match]:
    """Each of the file's with its counterparts; none of those is taken twice."""
    left = list(server)
    found: list[_Match] = []
    for one in file:
        there = _counterpart(one, left, now)
        if there is not None:
            left.remove(there)
        before = next((old for old in last if _is_same(one, old.slug, old.schedule, now)), None)
        found.append(_Match(one, before, there))
    return found


def _counterpart(
    one: PlannedSchedule, there: list[DeploymentSchedule], now: datetime | None
) -> DeploymentSchedule | None:
    for each in there:
        if each.slug and each.slug in (one.slug, one.replaces):
            return each
    return next((each for each in there if not each.slug and _same_rule(one.schedule, each.schedule, now)), None)


def _is_same(one: PlannedSchedule, slug: str | None, rule: dict[str, Any], now: datetime | None) -> bool:
    if one.slug or slug:
        return slug in (one.slug, one.replaces) and slug is not None
    return _same_rule(one.schedule, rule, now)


def _same_rule(file: dict[str, Any], there: dict[str, Any], now: datetime | None) -> bool:
    """An interval that was given no anchor, and so begins now, is the same as one that began earlier."""
    one, other = rule_of(file), rule_of(there)
    if one.get("anchor_date") in (None, now):
        one, other = _unanchored(one), _unanchored(other)
    return one == other


def rule_of(schedule: dict[str, Any]) -> dict[str, Any]:
    """A rule without what says nothing, its anchor as a moment."""
    said = {key: value for key, value in schedule.items() if value is not None}
    if "anchor_date" in said:
        said["anchor_date"] = datetime.fromisoformat(str(said["anchor_date"]))
    return said


def without_anchor(schedule: dict[str, Any], now: datetime | None) -> dict[str, Any]:
    """A planned rule; without the anchor of an interval that was given none, and so begins now."""
    return _unanchored(schedule) if now and rule_of(schedule).get("anchor_date") == now else schedule


def _unanchored(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key != "anchor_date"}


def _of_file(three: Three, match: _Match, now: datetime | None) -> KeptSchedule | None:
    file, last, server = match.file, match.last, match.server
    name = _name(file.slug, file.schedule)
    if server is None:
        new = _new(file)
        if last is not None and three.keeps(_said(last, now), _said(file, now)):
            three.keep(name, UNSET, _shown(new))
            return None
        three.value(name, UNSET, _shown(new), UNSET)
        return new
    rule = _rule(three, name, match, now)
    slug = three.value(f"{name}.slug", last.slug if last else UNSET, file.slug, server.slug)
    values = {key: _setting(three, f"{name}.{key}", key, match) for key in _SETTINGS}
    return KeptSchedule(id=server.id, schedule=rule, slug=slug, **values)


def _rule(three: Three, name: str, match: _Match, now: datetime | None) -> dict[str, Any]:
    """The rule as the server has it where it means the same."""
    file, last, server = match.file, match.last, match.server
    assert server is not None
    if _same_rule(file.schedule, server.schedule, now):
        return server.schedule
    unchanged = last is not None and _same_rule(file.schedule, last.schedule, now)
    before = file.schedule if unchanged else last.schedule if last else UNSET
    rule: dict[str, Any] = three.value(f"{name}.rule", before, file.schedule, server.schedule)
    return rule


def _setting(three: Three, name: str, key: str, match: _Match) -> Any:
    """What the file does not say is as it is on the server; what it says no more is as if nobody had."""
    file, server = getattr(match.file, key), getattr(match.server, key)
    last = getattr(match.last, key) if match.last else None
    if file is None and last is None and not three.reset:
        if match.last is not None and server != _SETTINGS[key]:
            three.keep(name, server, _SETTINGS[key])
        return server
    usual = _SETTINGS[key]
    news = match.last is None or (last is None and file is not None)
    before: Any = UNSET if news else usual if last is None else last
    return keywise(three, name, before, usual if file is None else file, server)


def _left_over(three: Three, there: DeploymentSchedule, last: list[PlannedSchedule]) -> list[KeptSchedule]:
    """A schedule on the server that the file does not have."""
    name = _name(there.slug, there.schedule)
    made_by_file = any(
        one.slug == there.slug if one.slug or there.slug else _same_rule(one.schedule, there.schedule, None)
        for one in last
    )
    kept = _as_it_is(there)
    if made_by_file or three.reset:
        three.remove(name, _shown(kept))
        return []
    three.keep(name, _shown(kept))
    return [kept]


def _said(one: PlannedSchedule, now: datetime | None) -> dict[str, Any]:
    rule = rule_of(one.schedule)
    return {**msgspec.to_builtins(one), "schedule": _unanchored(rule), "replaces": None}


def _new(one: PlannedSchedule) -> KeptSchedule:
    made = one.create()
    return KeptSchedule(
        schedule=made.schedule,
        active=made.active,
        max_scheduled_runs=made.max_scheduled_runs,
        parameters=made.parameters,
        slug=made.slug,
    )


def _as_it_is(one: DeploymentSchedule) -> KeptSchedule:
    return KeptSchedule(
        id=one.id,
        schedule=one.schedule,
        active=one.active,
        max_scheduled_runs=one.max_scheduled_runs,
        parameters=one.parameters,
        slug=one.slug,
    )


def _shown(one: KeptSchedule) -> dict[str, Any]:
    """A schedule without what says nothing."""
    settings = {key: getattr(one, key) for key, usual in _SETTINGS.items() if getattr(one, key) != usual}
    return {key: value for key, value in one.schedule.items() if value is not None} | settings


def _name(slug: str | None, schedule: dict[str, Any]) -> str:
    return f"schedules[{slug or describe(schedule)}]"
