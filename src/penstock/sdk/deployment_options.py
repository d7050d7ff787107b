"""What Python code may say of a deployment, and the values of a project file that mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

import msgspec

from penstock.core.parameters import as_json
from penstock.errors import InvalidRequest
from penstock.names import nearest
from penstock.sdk.images import DockerImage

# What is said of a deployment as a project file would say it.
_AS_WRITTEN = (
    "version",
    "version_type",
    "description",
    "enforce_parameter_schema",
    "paused",
    "triggers",
    "on_infrastructure_loss",
    "reschedule_limit",
    "cancellation_grace_seconds",
)


class DeploymentOptions(TypedDict, total=False):
    """What `to_deployment(...)`, `serve(...)` and `deploy(...)` take beside the name."""

    interval: float | timedelta | Iterable[float | timedelta] | None
    cron: str | Iterable[str] | None
    rrule: str | Iterable[str] | None
    timezone: str | None
    schedule: Mapping[str, Any] | None
    schedules: Sequence[Mapping[str, Any]] | None
    parameters: Mapping[str, Any] | None
    triggers: Sequence[Mapping[str, Any]] | None
    description: str | None
    tags: Sequence[str] | None
    version: str | None
    version_type: str | None
    paused: bool
    enforce_parameter_schema: bool
    concurrency_limit: int | Mapping[str, Any] | None
    collision_strategy: str | None
    on_infrastructure_loss: str | None
    reschedule_limit: int | None
    cancellation_grace_seconds: float | None
    work_queue_name: str | None
    job_variables: Mapping[str, Any] | None
    image: str | DockerImage | None
    build: bool
    push: bool
    ignore_warnings: bool
    print_next_steps: bool


class PlacedOptions(DeploymentOptions, total=False):
    """What `to_deployment(...)` takes too, and the others have as an argument of their own."""

    work_pool_name: str | None


def check_options(options: Mapping[str, Any]) -> None:
    """Whether each is one that can be given; else `InvalidRequest` names the nearest."""
    known = PlacedOptions.__optional_keys__
    for name in options.keys() - known:
        meant = nearest(name, known)
        hint = f" Did you mean {meant!r}?" if meant else ""
        raise InvalidRequest(f"A deployment has no option {name!r}.{hint}")


def values_of(name: str, options: Mapping[str, Any], pool_name: str | None) -> dict[str, Any]:
    """The values of the entry that would say the same in `prefect.yaml`; without a pool, none of what is a pool's."""
    image = {"image": str(options["image"])} if options.get("image") else {}
    limit = options.get("concurrency_limit")
    if limit is not None and options.get("collision_strategy"):
        limit = {"limit": limit, "collision_strategy": options["collision_strategy"]}
    place = {
        "name": pool_name,
        "work_queue_name": options.get("work_queue_name"),
        "job_variables": {**image, **(options.get("job_variables") or {})},
    }
    return {
        **{key: options.get(key) for key in _AS_WRITTEN},
        "name": name,
        "tags": list(options.get("tags") or ()),
        "parameters": {name: as_json(value) for name, value in (options.get("parameters") or {}).items()},
        "schedules": schedules_of(options),
        "concurrency_limit": limit,
        "work_pool": place if pool_name else None,
    }


def schedules_of(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The schedules that the options ask for, each as a project file writes it."""
    zone = {"timezone": options["timezone"]} if options.get("timezone") else {}
    asked = [*(options.get("schedules") or ()), *([options["schedule"]] if options.get("schedule") else [])]
    written = [_flat(one) for one in asked]
    for kind in ("interval", "cron", "rrule"):
        value = options.get(kind)
        several = [value] if isinstance(value, str | float | int | timedelta) else value or ()
        written += [{kind: one, **zone} for one in several]
    return written


def _flat(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as the API nests it, `{"schedule": {"cron": ...}, "active": ...}`, is taken too."""
    when = asked.get("schedule") or {}
    rest = {key: value for key, value in asked.items() if key != "schedule"}
    if isinstance(when, msgspec.Struct):
        when = msgspec.structs.asdict(when)
    parameters = {name: as_json(value) for name, value in (rest.get("parameters") or {}).items()}
    return {**when, **rest, **({"parameters": parameters} if parameters else {})}
