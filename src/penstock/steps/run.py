"""Runs steps in order, each with the outputs of those before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from penstock.errors import PenstockError, StepFailed
from penstock.steps.find import find
from penstock.steps.protocol import Place

Fill = Callable[[Any, Mapping[str, Any]], Awaitable[Any]]
"""Fills templates in a step's inputs, given the outputs so far."""

Told = Callable[[str, Mapping[str, Any], PenstockError | None], None]
"""Hears of each step that ran: its name, its inputs as written, and why it failed."""


async def run_steps(
    steps: Sequence[Mapping[str, Any]],
    at: Place,
    fill: Fill,
    *,
    outputs: Mapping[str, Any] | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """All outputs by key, the latest winning, and those of steps with an `id` as a mapping under it.

    Raises `StepFailed` for the first step that fails; those after it do not run.
    """
    known = dict(outputs or {})
    for item in steps:
        if not item:
            continue
        name, inputs = _parse(item)
        try:
            found = await _run(name, inputs, at, fill, known)
        except PenstockError as error:
            if told:
                told(name, inputs, error)
            raise
        if told:
            told(name, inputs, None)
        known |= found
        if inputs.get("id"):
            known[inputs["id"]] = dict(found)
    return known


def _parse(item: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if len(item) != 1:
        raise StepFailed(f"A step is one name with its inputs; this one has {len(item)}: {', '.join(map(str, item))}.")
    [(name, inputs)] = item.items()
    if not isinstance(inputs or {}, Mapping):
        raise StepFailed(f"The inputs of step {name!r} must be a mapping of names to values.")
    return name, inputs or {}


async def _run(
    name: str, inputs: Mapping[str, Any], at: Place, fill: Fill, known: Mapping[str, Any]
) -> Mapping[str, Any]:
    requires = inputs.get("requires") or []
    step = await find(name, [requires] if isinstance(requires, str) else list(requires))
    wanted = {key: value for key, value in inputs.items() if key not in ("id", "requires")}
    filled = await fill(wanted, known)
    try:
        return await step(at, **filled)
    except PenstockError as error:
        raise StepFailed(f"Step {name!r} failed: {error.message}") from error
    except Exception as error:
        raise StepFailed(f"Step {name!r} failed: {type(error).__name__}: {error}") from error
