"""Whether a deployment's or a run's parameters and job variables fit what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.core import job_templates
from penstock.core.parameters import filled, unfit, variables_in
from penstock.errors import InvalidRequest
from penstock.names import nearest
from penstock.server.bind import Request
from penstock.store.variables import VARIABLES
from penstock.wire.model import encode
from penstock.wire.work_pools import WorkPool


def parameter_fault(schema: dict[str, Any] | None, parameters: dict[str, Any], *, required: bool) -> str | None:
    """What is wrong with parameters by their schema; None when nothing is."""
    faults = unfit(schema, parameters, required=required)
    return str(faults[0]) if faults else None


def check_size(at: Request, parameters: dict[str, Any]) -> None:
    """Raises `InvalidRequest` for parameters over the limit of the settings."""
    most = at.settings.server.api.max_parameter_size
    if most and parameters and (size := len(encode(parameters))) > most:
        raise InvalidRequest(f"The parameters have {size} bytes; {most} are the most.", loc=("body", "parameters"))


def variable_fault(pool: WorkPool | None, *variables: Mapping[str, Any] | None, required: bool) -> str | None:
    """What is wrong with job variables, the later over the earlier, by the pool's template (DESIGN, law 8).

    Only declared variables change a job: where the template's schema does not open itself to others, an unknown
    name is refused with the nearest right one. A dotted name is a value within a variable; one of the environment
    (`env.X`, as command lines send it with a value of any type) will be text. Without a template nothing is checked.
    """
    template = pool.base_job_template if pool else {}
    schema = template.get("variables")
    if not isinstance(schema, Mapping) or not schema.get("properties"):
        return None
    laid = {name: _as_sent(name, value) for layer in variables for name, value in (layer or {}).items()}
    given = job_templates.nested(laid)
    unknown = [name for name in given if name not in schema["properties"]]
    if unknown and not schema.get("additionalProperties"):
        return _unknown(unknown[0], list(schema["properties"]))
    faults = job_templates.unfit(template, given, required=required)
    faults = [fault for fault in faults if not fault.path or fault.path[0] in given]
    return job_templates.fault_text(faults[0]) if faults else None


def _as_sent(name: str, value: Any) -> Any:
    """A value as the job will see it."""
    return str(value) if name.startswith(f"{job_templates.ENVIRONMENT}.") and value is not None else value


def _unknown(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    meant = f"did you mean {near!r}?" if near else f"it has {', '.join(sorted(known))}."
    return f"{name!r} is not a job variable of the work pool; {meant}"


async def worked_out(at: Request, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with the variables and JSON texts they ask for. BadRequest for what can't be had."""
    found: dict[str, Any] = {}
    for name in variables_in(parameters):
        text = await at.store.read(VARIABLES.read(name, "name"))
        if text is not None:
            found[name] = VARIABLES.decode(text).value
    return dict(filled(parameters, found))
