"""How a user's function takes its arguments: bound by name once, given back as it wants them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Bind = Callable[[Any, object, type | None], Any]
SIMPLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Binder:
    """Binds calls of one function."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.signature = inspect.signature(fn)
        found = self.signature.parameters.values()
        self._simple = all(parameter.kind in SIMPLE for parameter in found)
        self._positional = tuple(p.name for p in found if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._order = tuple(p.name for p in found)
        self._names = frozenset(self._order)
        self._defaults = {p.name: p.default for p in found if p.default is not inspect.Parameter.empty}
        self._needed = self._names - self._defaults.keys()

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter by name, in order, defaults filled in. Raises TypeError as the call itself would."""
        if self._simple and len(args) <= len(self._positional):
            bound = dict(zip(self._positional, args, strict=False))
            if not (kwargs.keys() & bound.keys()) and kwargs.keys() <= self._names:
                bound.update(kwargs)
                if len(bound) == len(self._names):
                    return bound if not kwargs else {name: bound[name] for name in self._order}
                if self._needed <= bound.keys():
                    every = {**self._defaults, **bound}
                    return {name: every[name] for name in self._order}
        found = self.signature.bind(*args, **kwargs)
        found.apply_defaults()
        return dict(found.arguments)

    def spread(self, parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments for a call with these parameters."""
        if self._simple:
            return (), dict(parameters)
        found = inspect.BoundArguments(self.signature, dict(parameters))
        return found.args, found.kwargs


def unwrapped(fn: Any) -> tuple[Callable[..., Any], Bind]:
    """The function under a `classmethod` or `staticmethod`, and how it is bound when a class or object is asked."""
    if isinstance(fn, staticmethod):
        return fn.__func__, lambda found, _instance, _owner: found
    if isinstance(fn, classmethod):
        return fn.__func__, lambda found, instance, owner: found.__get__(owner or type(instance))
    return fn, lambda found, instance, owner: found if instance is None else found.__get__(instance, owner)


def documentation(fn: Callable[..., Any]) -> str | None:
    """The docstring of a function, without its indentation."""
    return inspect.cleandoc(fn.__doc__) if fn.__doc__ else None


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether a function is awaited, or its values are."""
    return inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn)


def yields(fn: Callable[..., Any]) -> bool:
    """Whether a function is iterated over."""
    return inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn)
