"""Names of runs and result keys from templates (`"load {table}"`) or functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.errors import TemplateInvalid


def rendered(template: str | Callable[..., str], parameters: Mapping[str, Any]) -> str:
    """The name. Raises `TemplateInvalid` when the template asks for what is not there."""
    if callable(template):
        wants = getattr(getattr(template, "__code__", None), "co_argcount", 0)
        name = template(dict(parameters)) if wants else template()
        if not isinstance(name, str):
            raise TemplateInvalid(f"The function that names runs gave {name!r}, not a text.")
        return name
    try:
        return template.format(**parameters, parameters=dict(parameters))
    except (KeyError, IndexError, AttributeError, ValueError) as error:
        raise TemplateInvalid(f"The name {template!r} can't be made of {sorted(parameters)}: {error!r}") from None
