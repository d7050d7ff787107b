"""Where each value of a job comes from: its pool's template, its deployment, or its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from penstock.core.job_templates import ENVIRONMENT, Template, defaults, nested


class Source(StrEnum):
    """Who says what a job variable is, from the weakest to the strongest, and what nobody can change."""

    POOL = "pool"
    DEPLOYMENT = "deployment"
    RUN = "run"
    FIXED = "fixed"
    """Written into the template's `job_configuration` itself."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One value that a job gets; `name` is a variable's, or `env.NAME`."""

    name: str
    value: Any
    source: Source


def origins(
    template: Template, deployment: Mapping[str, Any] | None = None, run: Mapping[str, Any] | None = None
) -> list[Origin]:
    """Every value that is set, by name. The strongest source wins; of `env`, for each name by itself."""
    found: dict[str, Origin] = {}
    fixed = (template.get("job_configuration") or {}).get(ENVIRONMENT)
    layers = [
        (Source.FIXED, {ENVIRONMENT: fixed} if isinstance(fixed, Mapping) else {}),
        (Source.POOL, defaults(template)),
        (Source.DEPLOYMENT, nested(deployment or {})),
        (Source.RUN, nested(run or {})),
    ]
    for source, values in layers:
        for name, value in _flat(values):
            found[name] = Origin(name, value, source)
    return sorted(found.values(), key=lambda one: (one.name.startswith(f"{ENVIRONMENT}."), one.name))


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """`env` name by name, for it is merged so; all else whole."""
    flat = [(name, value) for name, value in values.items() if name != ENVIRONMENT or not isinstance(value, Mapping)]
    environment = values.get(ENVIRONMENT)
    if isinstance(environment, Mapping):
        flat += [(f"{ENVIRONMENT}.{name}", value) for name, value in environment.items()]
    return flat
