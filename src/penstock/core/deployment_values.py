"""From a deployment's values to its plan. The values are those of an entry of `prefect.yaml`, by the same keys,
whether a file, flags or Python code said them; templates in them are filled already.

Whoever calls knows which deployment this is, and puts its name before what is raised here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock.core import job_templates
from penstock.core.automation_shapes import complete_trigger
from penstock.core.deployment_plans import DeploymentPlan, FlowFacts, PlannedSchedule, trigger_of
from penstock.core.json_schema import dotted
from penstock.core.parameters import unfit
from penstock.core.pool_types import AGENT_TYPE
from penstock.core.schedules import parse, to_wire
from penstock.core.templates import placeholders, references
from penstock.errors import DeployFailed, InvalidRequest
from penstock.names import is_allowed, nearest
from penstock.wire.deployments import CollisionStrategy, ConcurrencyOptions, LossPolicy
from penstock.wire.work_pools import WorkPool

Values = Mapping[str, Any]
Step = dict[str, Any]

_SET_DIRECTORY = "prefect.deployments.steps.set_working_directory"
OF_SCHEDULE = ("active", "max_scheduled_runs", "parameters", "slug", "replaces")
"""What is said of a schedule beside its times."""
_TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False, "": None}


def plan(
    values: Values,
    facts: FlowFacts,
    pull_steps: list[Step],
    *,
    now: datetime,
    path: str | None = None,
    warnings: Sequence[str] = (),
) -> DeploymentPlan:
    """The plan. Raises `DeployFailed` or `ScheduleInvalid` for a value that can't be understood."""
    check_triggers(values)
    place = values.get("work_pool") or {}
    limit, options = concurrency(values.get("concurrency_limit"))
    return DeploymentPlan(
        flow_name=facts.name,
        name=str(values["name"]),
        entrypoint=values["entrypoint"],
        version=values.get("version") or facts.version,
        version_type=values.get("version_type"),
        description=values.get("description") or facts.description,
        path=path,
        tags=_tags(values.get("tags")),
        parameters=values.get("parameters") or {},
        parameter_schema=facts.parameter_schema,
        enforce_parameter_schema=_truth(values, "enforce_parameter_schema") is not False,
        schedules=schedules(values, now=now),
        paused=bool(_truth(values, "paused")),
        concurrency_limit=limit,
        concurrency_options=options,
        hosting=hosting(values),
        work_pool_name=place.get("name"),
        work_queue_name=place.get("work_queue_name"),
        job_variables=job_variables(values),
        pull_steps=pull_steps,
        triggers=values.get("triggers") or [],
        warnings=list(warnings),
        made_at=now,
    )


def schedules(values: Values, *, now: datetime) -> list[PlannedSchedule]:
    """The schedules to be; raises `ScheduleInvalid`."""
    return [_schedule(one, now) for one in values.get("schedules") or ()]


def _schedule(raw: Values, now: datetime) -> PlannedSchedule:
    when = {key: value for key, value in raw.items() if key not in OF_SCHEDULE and value is not None}
    about: dict[str, Any] = {key: raw[key] for key in OF_SCHEDULE if key in raw}
    return PlannedSchedule(to_wire(parse(when, now=now)), **{**about, "active": _truth(raw, "active")})


def concurrency(value: Any) -> tuple[int | None, ConcurrencyOptions | None]:
    """Limit and options from a number, a mapping or a template's text."""
    if value is None or value == "":
        return None, None
    if not isinstance(value, Mapping):
        return _whole(value), None
    limit = _whole(value["limit"]) if value.get("limit") is not None else None
    strategy = value.get("collision_strategy")
    if limit is None or strategy is None:
        return limit, None
    if strategy not in list(CollisionStrategy):
        known = ", ".join(CollisionStrategy)
        raise DeployFailed(f"concurrency_limit: collision_strategy {strategy!r} is none of {known}.")
    grace = value.get("grace_period_seconds")
    return limit, ConcurrencyOptions(collision_strategy=CollisionStrategy(strategy), grace_period_seconds=grace)


def job_variables(values: Values) -> dict[str, Any]:
    """What the deployment sets of its pool's variables."""
    return (values.get("work_pool") or {}).get("job_variables") or {}


def go_to(folder: str) -> Step:
    """The pull step into the folder where the code is."""
    return {_SET_DIRECTORY: {"directory": folder}}


def takes_image(pool: WorkPool) -> bool:
    """Whether deployments on this pool may say in which image their jobs run."""
    return "image" in _declared(pool)


def undeclared(values: Values, pool: WorkPool) -> list[str]:
    """Job variables that the pool's template neither declares nor leaves open."""
    is_open = (pool.base_job_template.get("variables") or {}).get("additionalProperties")
    known = _declared(pool)
    return (
        []
        if is_open or not known
        else [name for name in job_templates.nested(job_variables(values)) if name not in known]
    )


def lacking(values: Values, pool: WorkPool) -> list[str]:
    """What each run will have to say itself, since neither the pool nor the deployment gives it."""
    needed = (pool.base_job_template.get("variables") or {}).get("required") or []
    given = job_templates.defaults(pool.base_job_template).keys() | job_templates.nested(job_variables(values)).keys()
    return [
        f"work_pool.job_variables: the pool {pool.name!r} needs {name!r}, which nothing gives; each run must give it."
        for name in needed
        if name not in given
    ]


def _declared(pool: WorkPool) -> dict[str, Any]:
    return (pool.base_job_template.get("variables") or {}).get("properties") or {}


def place_doubts(values: Values, pool: WorkPool, folder: str) -> list[str]:
    """What is the matter with a folder of this machine as the place of the code, where jobs run in images."""
    if job_variables(values).get("image") or not takes_image(pool):
        return []
    return [
        f"jobs of the pool {pool.name!r} run in its image, which must have the code at {folder}. "
        "Name an image that has it (work_pool.job_variables.image), or fetch it with a pull step."
    ]


def check_name(values: Values) -> None:
    """Whether it has a name that can stand in an address; else `DeployFailed`."""
    name = values.get("name")
    if not name:
        raise DeployFailed("a deployment needs a name: write one in the file, or give -n.")
    if not is_allowed(str(name)):
        raise DeployFailed(f"the name {name!r} may not hold any of / % & > <.")


def check_pool(values: Values, pool: WorkPool) -> None:
    """Whether the pool takes deployments, with these job variables; else `DeployFailed` names every fault.

    What a block will give is known when the job starts.
    """
    if pool.type == AGENT_TYPE:
        raise DeployFailed(f"the pool {pool.name!r} is for agents. Deploy to a pool that workers serve.")
    variables = job_variables(values)
    given = job_templates.nested(variables)
    faults = [
        *job_templates.misspelt(pool.base_job_template, variables),
        *(
            fault
            for fault in job_templates.unfit(pool.base_job_template, variables)
            if not references(given.get(str(fault.path[0]) if fault.path else "")).blocks
        ),
    ]
    if faults:
        raise DeployFailed("\n".join(f"work_pool.job_variables: {fault}" for fault in faults))


def check_triggers(values: Values) -> None:
    """Whether each is one that an automation can have; else `DeployFailed` says where it is wrong."""
    for index, raw in enumerate(values.get("triggers") or ()):
        try:
            complete_trigger(trigger_of(raw), lambda: UUID(int=0), ("triggers", index))
        except InvalidRequest as error:
            raise DeployFailed(f"{dotted(error.loc or ())}: {error.message}.") from None


def check_parameters(values: Values, facts: FlowFacts) -> None:
    """Whether the flow takes these parameters, as far as they are there and no template has yet to fill them.

    Raises `DeployFailed` with every fault.
    """
    given = {name: value for name, value in (values.get("parameters") or {}).items() if not placeholders(value)}
    if not given or _truth(values, "enforce_parameter_schema") is False:
        return
    faults = [f"parameters: {fault}" for fault in unfit(facts.parameter_schema, given, required=False)]
    if faults:
        raise DeployFailed("\n".join(faults))


def doubts(values: Values, facts: FlowFacts) -> list[str]:
    """What can be deployed, but most likely is not what was meant."""
    known = list(facts.parameter_schema.get("properties", {}))
    found = [_unknown_parameter(name, known) for name in values.get("parameters") or {} if name not in known]
    if values.get("sla"):
        found.append("sla is for Prefect Cloud and is left out.")
    return [*found, facts.warning] if facts.warning else found


def _unknown_parameter(name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    hint = f" Did you mean {meant!r}?" if meant else ""
    return f"the flow has no parameter {name!r}.{hint}"


def _truth(values: Values, key: str) -> bool | None:
    """True or false, also as the text that a template makes of it."""
    value = values.get(key)
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUTHS:
        raise DeployFailed(f"{key}: {value!r} is neither true nor false.")
    return _TRUTHS[word]


def hosting(values: Values) -> dict[str, Any]:
    """What becomes of runs that are lost, and how long cancelled ones have to end; only what is said."""
    said: dict[str, Any] = {}
    if (policy := values.get("on_infrastructure_loss")) is not None:
        if policy not in list(LossPolicy):
            raise DeployFailed(f"on_infrastructure_loss: {policy!r} is none of {', '.join(LossPolicy)}.")
        said["on_infrastructure_loss"] = LossPolicy(policy)
    if (limit := values.get("reschedule_limit")) is not None:
        said["reschedule_limit"] = _number(limit, "reschedule_limit", int, least=1)
    if (grace := values.get("cancellation_grace_seconds")) is not None:
        said["cancellation_grace_seconds"] = _number(grace, "cancellation_grace_seconds", float, least=0)
    return said


def _number(value: Any, key: str, kind: type[int] | type[float], *, least: float) -> float:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise DeployFailed(f"{key}: {value!r} is not a number.") from None
    if number < least:
        raise DeployFailed(f"{key}: {value!r} is less than {least:g}.")
    return number


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise DeployFailed(f"concurrency_limit: {value!r} is not a whole number.") from None


def _tags(value: Any) -> list[str]:
    """A template of the whole list may have become a list or a text."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [str(one) for one in value or []]
