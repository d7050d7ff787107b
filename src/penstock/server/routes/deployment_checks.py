"""Whether a deployment's or a run's parameters and job variables fit what they are for."""

from __future__ import annotations

from typing import Any

from penstock.core.json_schema import violations
from penstock.core.parameters import filled, unfit, variables_in
from penstock.server.bind import Request
from penstock.store.variables import VARIABLES
from penstock.wire.work_pools import WorkPool


def parameter_fault(schema: dict[str, Any] | None, parameters: dict[str, Any], *, required: bool) -> str | None:
    """What is wrong with parameters by their schema; None when nothing is."""
    faults = unfit(schema, parameters, required=required)
    return str(faults[0]) if faults else None


def variable_fault(pool: WorkPool | None, variables: dict[str, Any], *, required: bool) -> str | None:
    """What is wrong with job variables by the pool's template; without a template nothing is checked.

    A null is taken for a variable that has a default, and a reference to a block for anything.
    """
    schema = (pool.base_job_template if pool else {}).get("variables")
    if not isinstance(schema, dict) or not schema.get("properties"):
        return None
    properties: dict[str, Any] = schema["properties"]
    defaults = {name: one["default"] for name, one in properties.items() if one.get("default") is not None}
    given = {name: value for name, value in variables.items() if not _passes(name, value, properties)}
    faults = [
        fault for fault in violations(schema, defaults | given, required=required) if _is_given(fault.path, given)
    ]
    return str(faults[0]) if faults else None


def _passes(name: str, value: Any, properties: dict[str, Any]) -> bool:
    if value is None:
        return "default" in properties.get(name, {})
    return isinstance(value, dict) and "$ref" in value


def _is_given(path: tuple[Any, ...], given: dict[str, Any]) -> bool:
    """A default of the template that does not fit is the template's fault, not that of who gives variables."""
    return not path or path[0] in given


async def worked_out(at: Request, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with the variables and JSON texts they ask for. BadRequest for what can't be had."""
    found: dict[str, Any] = {}
    for name in variables_in(parameters):
        text = await at.store.read(VARIABLES.read(name, "name"))
        if text is not None:
            found[name] = VARIABLES.decode(text).value
    return dict(filled(parameters, found))
