"""What an automation's triggers and actions look like: defaults filled in, the impossible refused.

Facts (kinds, fields, defaults): Prefect API 0.8.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from penstock.errors import InvalidRequest

Json = dict[str, Any]
Place = tuple[str | int, ...]

SHORTEST_PROACTIVE = 10.0
"""Seconds a proactive trigger waits at least; none given means this."""

_SOURCED = {"source": "selected"}
_ACTIONS: dict[str, Json] = {
    "do-nothing": {},
    "run-deployment": {
        **_SOURCED,
        "deployment_id": None,
        "parameters": None,
        "job_variables": None,
        "schedule_after": 0.0,
    },
    "pause-deployment": {**_SOURCED, "deployment_id": None},
    "resume-deployment": {**_SOURCED, "deployment_id": None},
    "cancel-flow-run": {},
    "suspend-flow-run": {},
    "resume-flow-run": {},
    "delete-flow-run": {},
    "change-flow-run-state": {"name": None, "message": None, "force": False},
    "pause-work-queue": {**_SOURCED, "work_queue_id": None},
    "resume-work-queue": {**_SOURCED, "work_queue_id": None},
    "pause-work-pool": {**_SOURCED, "work_pool_id": None},
    "resume-work-pool": {**_SOURCED, "work_pool_id": None},
    "pause-automation": {**_SOURCED, "automation_id": None},
    "resume-automation": {**_SOURCED, "automation_id": None},
    "send-notification": {"subject": "Prefect automated notification"},
    "call-webhook": {"payload": ""},
}
_REQUIRED = {
    "change-flow-run-state": ("state",),
    "send-notification": ("block_document_id", "body"),
    "call-webhook": ("block_document_id",),
}
_TARGETS = {
    "deployment_id": "deployment",
    "work_queue_id": "work-queue",
    "work_pool_id": "work-pool",
    "automation_id": "automation",
    "block_document_id": "block-document",
}
EVENT_TRIGGER: Json = {
    "match": {},
    "match_related": {},
    "after": [],
    "expect": [],
    "for_each": [],
    "posture": "Reactive",
    "threshold": 1,
}
"""What an event trigger is where nothing else is said."""
_LOOPS = ("prefect.flow-run.Scheduled", "prefect.flow-run.Pending", "prefect.flow-run.Running")


def complete_trigger(raw: Mapping[str, Any], make_id: Callable[[], UUID], place: Place = ("trigger",)) -> Json:
    """The trigger with ids and defaults; `InvalidRequest` says where it is wrong."""
    kind = raw.get("type", "compound" if "require" in raw else "sequence" if "triggers" in raw else "event")
    if kind == "event":
        return _event_trigger(raw, make_id, place)
    if kind not in ("compound", "sequence"):
        raise InvalidRequest(f"Input should be 'event', 'compound' or 'sequence', not {kind!r}", loc=(*place, "type"))
    inner = raw.get("triggers")
    if not isinstance(inner, list) or not inner:
        raise InvalidRequest("Field required", loc=(*place, "triggers"))
    triggers = [complete_trigger(one, make_id, (*place, "triggers", index)) for index, one in enumerate(inner)]
    done = {"type": kind, "id": raw.get("id") or str(make_id()), "triggers": triggers}
    done["within"] = _seconds(raw.get("within"), (*place, "within"))
    if kind == "compound":
        done["require"] = _require(raw.get("require", "all"), len(triggers), (*place, "require"))
    return done


def complete_actions(raw: Sequence[Mapping[str, Any]], place: Place = ("actions",)) -> list[Json]:
    """The actions with their defaults; `InvalidRequest` for an unknown kind or a field that is missing."""
    return [_action(one, (*place, index)) for index, one in enumerate(raw)]


def check_no_loop(trigger: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> None:
    """Refuses an automation that would start the deployment whose runs set it off."""
    inferred = any(one["type"] == "run-deployment" and one["source"] == "inferred" for one in actions)
    names = {name for one in event_triggers(trigger) if one["posture"] == "Reactive" for name in one["expect"]}
    if inferred and any(name in _LOOPS or name == "prefect.flow-run.*" for name in names):
        raise InvalidRequest(
            "An automation that a run's state sets off may not run that run's own deployment: it could go on for ever."
        )


def event_triggers(trigger: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The event triggers in a trigger, at any depth."""
    if trigger["type"] == "event":
        yield trigger
    for inner in trigger.get("triggers", ()):
        yield from event_triggers(inner)


def related_resources(trigger: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> set[str]:
    """The ids of the resources an automation looks at or acts on."""
    found = {f"prefect.{kind}.{action[key]}" for action in actions for key, kind in _TARGETS.items() if action.get(key)}
    for one in event_triggers(trigger):
        for match in (one["match"], one["match_related"]):
            found.update(_named(match))
    return found


def _named(match: Any) -> set[str]:
    if isinstance(match, list):
        return {name for one in match for name in _named(one)}
    values = match.get("prefect.resource.id", [])
    several = [values] if isinstance(values, str) else values
    return {one for one in several if not one.endswith("*") and not one.startswith("!")}


def _event_trigger(raw: Mapping[str, Any], make_id: Callable[[], UUID], place: Place) -> Json:
    given = {key: value for key, value in raw.items() if value is not None}
    done = {"type": "event", "id": str(make_id()), **EVENT_TRIGGER, **given}
    if done["posture"] not in ("Reactive", "Proactive"):
        raise InvalidRequest("Input should be 'Reactive' or 'Proactive'", loc=(*place, "posture"))
    if not isinstance(done["threshold"], int) or done["threshold"] < 1:
        raise InvalidRequest("Input should be an integer above 0", loc=(*place, "threshold"))
    within = _seconds(raw.get("within"), (*place, "within")) or 0.0
    if done["posture"] == "Proactive":
        if 0 < within < SHORTEST_PROACTIVE:
            raise InvalidRequest("The minimum within for Proactive triggers is 10 seconds", loc=(*place, "within"))
        within = max(within, SHORTEST_PROACTIVE)
    done["within"] = within
    return done


def _action(raw: Mapping[str, Any], place: Place) -> Json:
    kind = raw.get("type")
    if kind not in _ACTIONS:
        raise InvalidRequest(f"Unknown action type {kind!r}; known are: {', '.join(_ACTIONS)}", loc=(*place, "type"))
    for name in _REQUIRED.get(kind, ()):
        if raw.get(name) is None:
            raise InvalidRequest("Field required", loc=(*place, name))
    done = {"type": kind, **_ACTIONS[kind], **raw}
    targets = [name for name in _ACTIONS[kind] if name in _TARGETS]
    if done.get("source") == "selected" and targets and not done[targets[0]]:
        raise InvalidRequest(f"{targets[0]} is required when source is 'selected'", loc=place)
    return done


def _require(value: Any, triggers: int, place: Place) -> str | int:
    if value in ("any", "all") or (isinstance(value, int) and 1 <= value <= triggers):
        found: str | int = value
        return found
    raise InvalidRequest(f"Input should be 'any', 'all' or a number from 1 to {triggers}", loc=place)


def _seconds(value: Any, place: Place) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value) if isinstance(value, int | float) else msgspec.convert(value, timedelta).total_seconds()
    except msgspec.ValidationError:
        raise InvalidRequest("Input should be a number of seconds", loc=place) from None
    if seconds < 0:
        raise InvalidRequest("The minimum within is 0 seconds", loc=place)
    return seconds
