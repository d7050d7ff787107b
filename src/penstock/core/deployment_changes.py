"""What a plan would change of a deployment that is there: shown before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, structs

from penstock.core.deployment_plans import DeploymentPlan, PlannedSchedule
from penstock.wire.deployments import Deployment
from penstock.wire.schedules import DeploymentSchedule

DEFAULT_QUEUE = "default"
LONGEST_VALUE = 100
# Told by `version`, or compared in a way of their own.
_APART = ("version_info", "schedules", "concurrency_limit")
_KEPT = ("active", "max_scheduled_runs", "parameters")
"""What a schedule keeps on the server where the plan does not say it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that will be another."""

    name: str
    before: Any
    after: Any

    def lines(self) -> list[str]:
        """The change in words: of a mapping each key that differs, of a list what goes and what comes."""
        before, after = self.before, self.after
        if isinstance(before, dict) and isinstance(after, dict):
            keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
            return [
                line for key in keys for line in Change(f"{self.name}.{key}", before.get(key), after.get(key)).lines()
            ]
        if isinstance(before, list) and isinstance(after, list):
            gone = [f"{self.name}: - {_shown(one)}" for one in before if one not in after]
            come = [f"{self.name}: + {_shown(one)}" for one in after if one not in before]
            return gone + come or [f"{self.name}: {_shown(before)} -> {_shown(after)}"]
        return [f"{self.name}: {_shown(before)} -> {_shown(after)}"]


def changes(plan: DeploymentPlan, found: Deployment, now: datetime) -> list[Change]:
    """The fields that applying the plan would change; `now` is the anchor of intervals that were given none.

    Automations are not looked at: applying makes them anew each time.
    """
    wanted = {key: value for key, value in structs.asdict(plan.update()).items() if value is not UNSET}
    pairs = [(key, getattr(found, key), value) for key, value in wanted.items() if key not in _APART]
    limit = found.global_concurrency_limit.limit if found.global_concurrency_limit else None
    pairs.append(("concurrency_limit", limit, plan.concurrency_limit))
    if plan.schedules:
        pairs.append(("schedules", *_schedules(plan.schedules, found.schedules, now)))
    if plan.work_queue_name is None and found.work_queue_name == DEFAULT_QUEUE:
        pairs = [pair for pair in pairs if pair[0] != "work_queue_name"]
    return [Change(key, before, after) for key, before, after in pairs if before != after]


def _schedules(
    planned: list[PlannedSchedule], found: list[DeploymentSchedule], now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Both lists in one form and order; what a planned one does not say is as it is on the server."""
    by_slug = {one.slug: one for one in found if one.slug}
    after = [_as_planned(one, by_slug.get(one.slug or "")) for one in planned]
    before = [_form(one.schedule, {key: getattr(one, key) for key in (*_KEPT, "slug")}) for one in found]
    # An interval that was given no anchor begins anew, which is no change that anybody asked for.
    begun_now = [_unanchored(one) for one in after if one.get("anchor_date") == now]
    before = [{**one, "anchor_date": now} if _unanchored(one) in begun_now else one for one in before]
    return sorted(before, key=msgspec.json.encode), sorted(after, key=msgspec.json.encode)


def _unanchored(schedule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schedule.items() if key != "anchor_date"}


def _as_planned(planned: PlannedSchedule, found: DeploymentSchedule | None) -> dict[str, Any]:
    made = planned.create()
    kept = {key: getattr(found if found and getattr(planned, key) is None else made, key) for key in _KEPT}
    return _form(made.schedule, {**kept, "slug": made.slug})


def _form(schedule: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """A schedule without what says nothing: it is active, and has no parameters or other extras."""
    said = {key: value for key, value in {**schedule, **about}.items() if value not in (None, {})}
    if said.get("active") is True:
        del said["active"]
    return {key: datetime.fromisoformat(str(value)) if key == "anchor_date" else value for key, value in said.items()}


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
