"""The seam of steps: an action of a project file, as a named async function from inputs to outputs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.client.client import AsyncClient


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step runs. The working directory is the process's own; `start` is what it was at first.

    `client` is None where no API is set; steps that need one say so. In `memory` a step keeps what it need not do
    again within the same command.
    """

    start: Path
    client: AsyncClient | None = None
    memory: dict[str, Any] = field(default_factory=dict)


Step = Callable[..., Awaitable[Mapping[str, Any]]]
"""A step that ships with Penstock or comes from a plug-in: `async def name(at: Place, *, input: ...)`.

It gets its place and its inputs by name, as written in the project file and with templates filled in,
and returns its outputs, which later steps can use; a `directory` among the outputs of a pull step is
where the flow's code is. A step raises `StepFailed` with a message that holds no secret. It may be run
again in the same directory and then reaches the same end.
"""
