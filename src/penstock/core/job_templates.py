"""Base job templates: a pool's policy for its jobs (semantics.md 12).

`variables` is a JSON schema of what may be set; `job_configuration` uses those values in placeholders. Values
come from the schema's defaults, then the deployment, then the run. Only `env` is merged key by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from penstock.core import json_schema
from penstock.core.json_schema import Violation
from penstock.core.schema_faults import schema_faults
from penstock.core.templates import Kind, placeholders, references, render
from penstock.errors import InvalidRequest, TemplateInvalid
from penstock.names import nearest

Template = Mapping[str, Any]

ENVIRONMENT = "env"


def check_template(template: Template) -> None:
    """Whether a pool may have this template; an empty one may be (it says nothing).

    Raises `InvalidRequest` at `base_job_template`: both parts must be there, and every placeholder declared;
    or a rule that is none; `TemplateInvalid` names the first default that does not fit the schema.
    """
    if not template:
        return
    if "job_configuration" not in template or "variables" not in template:
        raise _refused("A base job template has two parts, `job_configuration` and `variables`; one is not there.")
    configuration, schema = template["job_configuration"], template["variables"]
    if not isinstance(configuration, Mapping) or not isinstance(schema, Mapping):
        raise _refused("`job_configuration` and `variables` of a `base_job_template` must be objects.")
    if fault := next(_schema_faults(schema), None):
        raise _refused(str(replace(fault, path=("variables", *fault.path))))
    undeclared = _undeclared(configuration, _properties(template))
    if undeclared:
        raise _refused(
            f"job_configuration uses {', '.join(undeclared)}, which the properties of variables do not declare."
        )
    if faults := _faults(template, {}):
        raise TemplateInvalid(f"The default of {fault_text(faults[0])}")


def _schema_faults(schema: Mapping[str, Any]) -> Iterator[Violation]:
    """A variable that is needed has to be one that may be set."""
    yield from schema_faults(schema)
    known = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in known and not schema.get("additionalProperties"):
            near = nearest(name, known)
            hint = f"; did you mean {near!r}?" if near else ""
            yield Violation(("required",), "required", f"{name!r} is none of the properties{hint}")


def unfit(template: Template, *variables: Mapping[str, Any] | None, required: bool = False) -> list[Violation]:
    """What is wrong with job variables, the later given laid over the earlier; with `required`, what is lacking too.

    References to block documents pass: what they hold is known when the job starts.
    """
    if not isinstance(template.get("variables"), Mapping):
        return []
    return _faults(template, merged(*variables), required=required)


def misspelt(template: Template, variables: Mapping[str, Any]) -> list[Violation]:
    """Variables that the schema lacks while it has one of nearly that name.

    Prefect's server takes any name that the schema does not forbid, and what a misspelt one sets is lost in
    silence. A schema that opens itself to other names means it.
    """
    if (template.get("variables") or {}).get("additionalProperties"):
        return []
    known = list(_properties(template))
    meant = {name: nearest(name, known) for name in nested(variables) if name not in known}
    return [
        Violation((name,), "unknown", f"{name!r} is not a variable of the pool; did you mean {near!r}?")
        for name, near in meant.items()
        if near
    ]


def fault_text(fault: Violation) -> str:
    """One fault in words."""
    if fault.lacking and not fault.path:
        return f"the job variable {fault.lacking!r} is needed, and nothing gives it a value"
    field = json_schema.dotted(fault.path[:1]) or "the job variables"
    inner = json_schema.dotted(fault.path)
    where = f" (at {inner})" if len(fault.path) > 1 else ""
    return f"{field} does not fit: {fault.message}{where}"


def values(template: Template, *variables: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every variable's value: defaults, then each given mapping over them. A default of null is no value."""
    return merged(defaults(template), *variables)


def defaults(template: Template) -> dict[str, Any]:
    """The schema's defaults that are not null."""
    properties = _properties(template).items()
    return {name: one["default"] for name, one in properties if one.get("default") is not None}


def merged(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Later layers replace earlier values whole; `env` is merged key by key. Dotted names nest within their layer."""
    result: dict[str, Any] = {}
    for layer in layers:
        for name, value in nested(layer or {}).items():
            both = name == ENVIRONMENT and isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
            result[name] = {**result[name], **value} if both else value
    return result


def nested(variables: Mapping[str, Any]) -> dict[str, Any]:
    """`{"env.A": 1}` as `{"env": {"A": 1}}`, within a mapping of that name given beside it."""
    result = {name: _copied(value) for name, value in variables.items() if "." not in name}
    for name, value in variables.items():
        if "." not in name:
            continue
        *parents, last = name.split(".")
        place = result
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        place[last] = value
    return result


def job_configuration(
    template: Template, *variables: Mapping[str, Any] | None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The job that a run will have, with references to blocks, variables and `ctx` still in it.

    `env` written into the configuration itself lies below the variable's. `environment` is where
    `{{ $NAME }}` is looked up.
    """
    configuration = dict(template.get("job_configuration") or {})
    given = values(template, *variables)
    fixed = configuration.get(ENVIRONMENT)
    if isinstance(fixed, Mapping):
        configuration[ENVIRONMENT] = {**fixed, **(given.get(ENVIRONMENT) or {})}
    rendered = render(configuration, given, environment=environment)
    return dict(rendered or {})


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, loc=("base_job_template",))


def _properties(template: Template) -> Mapping[str, Any]:
    schema = template.get("variables")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {}
    # `true` is a schema too: it takes any value, and has no default.
    return {name: one if isinstance(one, Mapping) else {} for name, one in properties.items()}


def _undeclared(configuration: Mapping[str, Any], declared: Mapping[str, Any]) -> list[str]:
    names = (one.name for one in placeholders(configuration) if one.kind is Kind.VALUE)
    roots = (name.partition(".")[0].partition("[")[0] for name in names)
    return sorted({root for root in roots if root not in declared})


def _faults(template: Template, given: Mapping[str, Any], *, required: bool = False) -> list[Violation]:
    """Defaults take part, so that a required variable with a default is not lacking; a bad default only if kept."""
    schema = template["variables"]
    properties = _properties(template)
    laid = merged(defaults(template), given)
    later = {name for name, value in laid.items() if _is_reset(properties, name, value) or _is_reference(value)}
    checked = {name: value for name, value in laid.items() if name not in later}
    faults = json_schema.violations(schema, checked, required=required)
    faults = [one for one in faults if one.path or one.lacking not in later]
    if required and any(fault.path[:1] and fault.path[0] not in given for fault in faults):
        # A default that is itself wrong is the pool's fault: then nothing is said of what is lacking.
        return [fault for fault in faults if fault.rule != "required"]
    return faults


def _is_reset(properties: Mapping[str, Any], name: str, value: Any) -> bool:
    """Null takes a variable that has a default (even null) back to nothing."""
    return value is None and "default" in properties.get(name, {})


def _is_reference(value: Any) -> bool:
    return bool(references(value).documents)


def _copied(value: Any) -> Any:
    return {key: _copied(one) for key, one in value.items()} if isinstance(value, Mapping) else value
