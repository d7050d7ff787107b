"""A flow's parameters: checked against the annotations of its function, and made fit for the wire."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from penstock.errors import ParameterInvalid

MOST_SHOWN = 2000


def validate(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the annotations want them: "3" becomes 3 for an int, a dict becomes a model.

    Types that pydantic made are checked by pydantic, which is loaded only then. Raises `ParameterInvalid`
    that names every parameter that does not fit.
    """
    try:
        kinds = typing.get_type_hints(getattr(fn, "__wrapped__", fn), include_extras=True)
    except (NameError, TypeError):
        return dict(parameters)  # annotations that only a type checker can resolve can't be checked here
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in parameters.items():
        try:
            found[name] = convert(value, kinds[name]) if name in kinds else value
        except ParameterInvalid as error:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise ParameterInvalid(f"Flow run received invalid parameters: {'; '.join(wrong)}")
    return found


def convert(value: Any, kind: Any) -> Any:
    """A value as a type wants it. Raises `ParameterInvalid`."""
    if kind is Any or _fits(value, kind):
        return value
    try:
        if _wants_pydantic(kind):
            return _by_pydantic(value, kind)
        return msgspec.convert(value, kind, strict=False, from_attributes=False, dec_hook=_instance)
    except (msgspec.ValidationError, ValueError) as error:
        raise ParameterInvalid(str(error)) from None
    except TypeError:
        return _check_instance(value, kind)  # a type that can only be told, not converted to


def as_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the server keeps them; what JSON can't say is shown as text."""
    return {name: msgspec.to_builtins(value, enc_hook=_shown, str_keys=True) for name, value in parameters.items()}


def _shown(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else repr(value)[:MOST_SHOWN]


def _fits(value: Any, kind: Any) -> bool:
    return isinstance(kind, type) and not typing.get_args(kind) and type(value) is kind


def _instance(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _check_instance(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and not isinstance(value, kind):
        raise ParameterInvalid(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")
    return value


def _wants_pydantic(kind: Any) -> bool:
    """Whether a type is, or holds, one that pydantic made or annotates."""
    if "pydantic" not in sys.modules:
        return False
    module = getattr(kind, "__module__", "") or ""
    if hasattr(kind, "__pydantic_core_schema__") or module.startswith(("pydantic.", "annotated_types")):
        return True
    return any(_wants_pydantic(part) or _is_mark(part) for part in typing.get_args(kind))


def _is_mark(part: Any) -> bool:
    return type(part).__module__.startswith(("pydantic", "annotated_types"))


def _by_pydantic(value: Any, kind: Any) -> Any:
    import pydantic

    try:
        return pydantic.TypeAdapter(kind).validate_python(value)
    except pydantic.ValidationError as error:
        wrong = [".".join(map(str, one["loc"])) + (": " if one["loc"] else "") + one["msg"] for one in error.errors()]
        raise ParameterInvalid("; ".join(wrong)) from None
