"""Parameters of a flow: their schema from the function's signature, and values that fit it.

The schema is what Prefect's clients store with a deployment: title "Parameters", each property with its
position, title and default. Values are taken as pydantic's lax mode takes them: "1" is an int.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from penstock.core.docstrings import argument_descriptions
from penstock.core.json_schema import Schema, Violation, violations
from penstock.core.parameter_types import is_pydantic, schema_of
from penstock.errors import BadRequest, ParameterInvalid
from penstock.names import nearest

KIND = "__prefect_kind"


def parameter_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The JSON schema of a function's parameters, described as its docstring describes them."""
    descriptions = argument_descriptions(inspect.getdoc(function) or "")
    hints = type_hints(function)
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    required: list[str] = []
    for position, parameter in enumerate(_named(function)):
        found = {"position": position, "title": parameter.name}
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
        else:
            found["default"] = as_json(parameter.default)
        if parameter.name in descriptions:
            found["description"] = descriptions[parameter.name]
        properties[parameter.name] = schema_of(hints.get(parameter.name, Any), definitions) | found
    schema = {"title": "Parameters", "type": "object", "properties": properties}
    # Empty ones are left out, as Prefect's clients do.
    return schema | {key: part for key, part in (("required", required), ("definitions", definitions)) if part}


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's parameters; one that can't be resolved is left out, as if it had none."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        raw = getattr(function, "__annotations__", {})
        return {name: hint for name, hint in raw.items() if not isinstance(hint, str)}


def _named(function: Callable[..., Any]) -> list[inspect.Parameter]:
    skipped = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in inspect.signature(function).parameters.values() if one.kind not in skipped]


def as_json(value: Any) -> Any:
    """A value as JSON holds it; what JSON can't hold becomes its text."""
    return msgspec.to_builtins(value, enc_hook=_plain, str_keys=True)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) and not isinstance(value, type) else str(value)


def validated(function: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the function's types want them.

    Raises `ParameterInvalid` with one line for each that does not fit. Names are not checked here: what
    binds the call does that.
    """
    hints = type_hints(function)
    fitted: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in parameters.items():
        try:
            fitted[name] = fit(value, hints[name]) if name in hints else value
        except ValueError as error:
            faults.append(f"  {name}: {error}")
    if faults:
        name = getattr(function, "__name__", "the flow")
        raise ParameterInvalid(f"Parameters of {name!r} do not fit their types:\n" + "\n".join(faults))
    return fitted


def fit(value: Any, annotation: Any) -> Any:
    """The value as its type wants it; ValueError says why it can't be."""
    if annotation is Any or annotation is inspect.Parameter.empty:
        return value
    if is_pydantic(annotation):
        from pydantic import ConfigDict, TypeAdapter

        takes_any_class = not isinstance(annotation, type)
        config = ConfigDict(arbitrary_types_allowed=True) if takes_any_class else None
        return TypeAdapter(annotation, config=config).validate_python(value)
    try:
        return msgspec.convert(value, annotation, strict=False, from_attributes=True)
    except msgspec.ValidationError as error:
        raise ValueError(f"{error} (the value is {_short(value)})") from None
    except TypeError:
        return value  # a type that can't be checked takes what it is given


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def misnamed(function: Callable[..., Any], names: typing.Iterable[str]) -> str | None:
    """A sentence on a parameter that the function does not have, with the nearest one; None when all are known."""
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in inspect.signature(function).parameters.values()):
        return None
    known = [parameter.name for parameter in _named(function)]
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            hint = f"; did you mean {meant!r}?" if meant else f"; it has {', '.join(known) or 'none'}"
            return f"{getattr(function, '__name__', 'the flow')!r} has no parameter {name!r}{hint}"
    return None


def unfit(schema: Schema | None, parameters: Mapping[str, Any], *, required: bool = True) -> list[Violation]:
    """What is wrong with a run's parameters by its deployment's schema; values to be filled in later pass."""
    if not schema:
        return []
    plain = {name: value for name, value in parameters.items() if not _is_to_be_filled(value)}
    found = violations(schema, plain, required=required)
    return [one for one in found if one.path or one.lacking not in parameters]


def _is_to_be_filled(value: Any) -> bool:
    return isinstance(value, Mapping) and KIND in value


def variables_in(parameters: Any) -> set[str]:
    """The variables that `workspace_variable` values ask for; the caller reads them for `filled`."""
    if isinstance(parameters, Mapping):
        if parameters.get(KIND) == "workspace_variable":
            return {str(parameters.get("variable_name"))}
        return {name for value in parameters.values() for name in variables_in(value)}
    if isinstance(parameters, list):
        return {name for value in parameters for name in variables_in(value)}
    return set()


def filled(parameters: Any, variables: Mapping[str, Any]) -> Any:
    """The parameters with each `__prefect_kind` value worked out (Prefect API 0.8.4).

    `json` is parsed, `workspace_variable` looked up, `none` is the value itself. Raises `BadRequest` for
    what can't be: templates are rendered by automations only.
    """
    if isinstance(parameters, list):
        return [filled(value, variables) for value in parameters]
    if not isinstance(parameters, Mapping):
        return parameters
    kind = parameters.get(KIND)
    if kind is None and KIND not in parameters:
        return {name: filled(value, variables) for name, value in parameters.items()}
    return _worked_out(kind, parameters, variables)


def _worked_out(kind: Any, value: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    if kind in (None, "none"):
        return filled(value.get("value"), variables)
    if kind == "json":
        try:
            return msgspec.json.decode(str(value.get("value", "")).encode())
        except msgspec.DecodeError as error:
            raise BadRequest(f"A parameter of kind 'json' is not JSON: {error}") from None
    if kind == "workspace_variable":
        name = str(value.get("variable_name"))
        if name not in variables:
            raise BadRequest(f"A parameter asks for the variable {name!r}, which does not exist.")
        return variables[name]
    if kind == "jinja":
        return _plain_text(str(value.get("template", "")))
    raise BadRequest(f"A parameter is of the unknown kind {kind!r}.")


def _plain_text(template: str) -> str:
    """Text without placeholders is itself; the server renders none for whoever may start a run."""
    if "{{" in template or "{%" in template:
        raise BadRequest(f"The parameter template {template!r} has placeholders; only automations render those.")
    return template
