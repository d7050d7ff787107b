"""The keys of `prefect.yaml` and what each takes (deploy.md 1, and what 112 real files were seen to hold)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """What a key takes: `taken` gives the value as meant or raises ValueError with what was expected."""

    taken: Callable[[Any], Any]
    ignored: str = ""
    """Why a key that is known says nothing to us."""


def text(value: Any) -> str | None:
    """A text, or none; a bare number or date is what its author wrote for one."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool):
        raise ValueError("a text (put it in quotes: yes, no, on, off, true and false are truths)")
    raise ValueError("a text")


def mapping(value: Any) -> Any:
    """A mapping; nothing is an empty one."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise ValueError("a mapping of names to values")


def truth(value: Any) -> Any:
    """True or false, or a template that will say so."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and "{{" in value):
        return value
    raise ValueError("true or false")


def tags(value: Any) -> Any:
    """A list of texts; a list within it is flattened, a lone text split at commas, a template left alone."""
    if value is None:
        return []
    if isinstance(value, str):
        return value if "{{" in value else [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return [tag for one in value for tag in (tags(one) if isinstance(one, list) else [_tag(one)])]
    raise ValueError("a list of texts")


def _tag(value: Any) -> str:
    found = text(value)
    if found is None:
        raise ValueError("a list of texts")
    return found


def limit(value: Any) -> Any:
    """A number of runs, a mapping with `limit`, or none."""
    if _is_limit(value):
        return value
    known = {"limit", "collision_strategy", "grace_period_seconds"}
    if isinstance(value, Mapping) and value.keys() <= known and _is_limit(value.get("limit")):
        return value
    raise ValueError("a number of runs, or a mapping of limit, collision_strategy and grace_period_seconds")


def _is_limit(value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value is None or is_number or (isinstance(value, str) and "{{" in value)


def any_value(value: Any) -> Any:
    """Anything; it is looked at elsewhere."""
    return value


def steps(value: Any) -> Any:
    """A list of steps, one step, or none."""
    if value is None or isinstance(value, list | Mapping):
        return value
    raise ValueError("a list of steps")


def items(value: Any) -> Any:
    """A list, or none; a lone mapping is a list of one."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [value] if value else []
    if isinstance(value, list):
        return value
    raise ValueError("a list")


def schedules(value: Any) -> Any:
    """A list of schedules, a lone one (also as the text of a cron line), or none."""
    if value is None or isinstance(value, list | Mapping | str):
        return value
    raise ValueError('a list of mappings such as {cron: "0 6 * * *"}')


def pool(value: Any) -> Any:
    """A mapping; a lone text is the pool's name."""
    return value if isinstance(value, str) else mapping(value)


TEXT, TRUTH, MAPPING, ANY = Field(text), Field(truth), Field(mapping), Field(any_value)

MANIFEST: Mapping[str, Field] = {
    "name": TEXT,
    "prefect-version": TEXT,
    "definitions": ANY,
    "build": Field(steps),
    "push": Field(steps),
    "pull": Field(steps),
    "deployments": ANY,
}

DEPLOYMENT: Mapping[str, Field] = {
    "name": TEXT,
    "version": TEXT,
    "version_type": TEXT,
    "tags": Field(tags),
    "description": TEXT,
    "flow_name": TEXT,
    "entrypoint": TEXT,
    "parameters": MAPPING,
    "enforce_parameter_schema": TRUTH,
    "schedules": Field(schedules),
    "schedule": Field(schedules),
    "paused": TRUTH,
    "concurrency_limit": Field(limit),
    "on_infrastructure_loss": TEXT,
    "reschedule_limit": ANY,
    "cancellation_grace_seconds": ANY,
    "work_pool": Field(pool),
    "build": Field(steps),
    "push": Field(steps),
    "pull": Field(steps),
    "triggers": Field(items),
    "sla": Field(items),
    "is_schedule_active": TRUTH,
}

WORK_POOL: Mapping[str, Field] = {"name": TEXT, "work_queue_name": TEXT, "job_variables": MAPPING}

SCHEDULE: Mapping[str, Field] = {
    "cron": TEXT,
    "interval": ANY,
    "rrule": TEXT,
    "timezone": TEXT,
    "anchor_date": ANY,
    "day_or": TRUTH,
    "active": TRUTH,
    "max_scheduled_runs": ANY,
    "parameters": MAPPING,
    "slug": TEXT,
    "replaces": TEXT,
    # Prefect 3.0 put these into files, and later versions refuse them.
    "catchup": Field(any_value, "belongs to an older version and is ignored"),
    "max_active_runs": Field(any_value, "belongs to an older version and is ignored"),
    "flow_run_name": Field(any_value, "can't be set by a schedule and is ignored"),
}

# Names of older versions: where they belong now ("" is the deployment itself), and by which name.
OLDER: Mapping[str, tuple[str, str]] = {
    "infra_overrides": ("work_pool.", "job_variables"),
    "work_pool_name": ("work_pool.", "name"),
    "work_queue_name": ("work_pool.", "work_queue_name"),
    "is_paused": ("", "paused"),
}
OF_AGENTS = frozenset({"flow_name", "infrastructure", "entrypoint"})
"""What a deployment.yaml of the agent generation has at its top."""

# Keys that are often written a level too high, or by another name.
_MEANT = {
    "job_variables": "work_pool.job_variables",
    "environment": "work_pool.job_variables.env",
    "image": "job_variables.image",
    "time_zone": "timezone of a schedule",
    "timezone": "timezone of a schedule",
}


def misplaced(key: str, fields: Mapping[str, Field]) -> str | None:
    """Where an unknown key of a deployment or pool belongs, if it is one of those often misplaced."""
    return _MEANT.get(key) if fields in (DEPLOYMENT, WORK_POOL) else None
