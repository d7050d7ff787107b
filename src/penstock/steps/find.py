"""From the name in a project file to the function that does the step."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from penstock import names, plugins
from penstock.errors import StepFailed
from penstock.steps.git import git_clone
from penstock.steps.packages import install_missing, pip_install_requirements
from penstock.steps.places import pull_with_block, set_working_directory
from penstock.steps.protocol import Place, Step
from penstock.steps.shell import run_shell_script

BUILT_IN: dict[str, Step] = {
    "git_clone": git_clone,
    "pip_install_requirements": pip_install_requirements,
    "pull_with_block": pull_with_block,
    "run_shell_script": run_shell_script,
    "set_working_directory": set_working_directory,
}

_FAMILIES = ("penstock.", "prefect.")


async def find(name: str, requires: list[str]) -> Step:
    """The step of this name: ours, a plug-in's, or any callable at a dotted path.

    Project files name the built-in steps as Prefect does (`prefect.deployments.steps.git_clone`); ours
    answer to that, to `penstock.deployments.steps.git_clone` and to the bare name. What the step
    `requires` is installed only for a callable of another package.
    """
    last = name.rpartition(".")[2]
    known = name == last or (name.startswith(_FAMILIES) and ".steps" in name)
    if known and last in BUILT_IN:
        return BUILT_IN[last]
    if (plugin := plugins.load(plugins.STEPS, name)) is not None:
        step: Step = plugin
        return step
    await install_missing(requires)
    return _Foreign(name)


class _Foreign:
    """A callable that knows nothing of places; one that is not async gets a thread."""

    def __init__(self, name: str) -> None:
        self._function = _load(name)

    async def __call__(self, at: Place, **inputs: Any) -> Mapping[str, Any]:
        if inspect.iscoroutinefunction(self._function):
            found = await self._function(**inputs)
        else:
            found = await asyncio.to_thread(self._function, **inputs)
            if inspect.isawaitable(found):
                found = await found
        return found if isinstance(found, Mapping) else {}


def _load(name: str) -> Any:
    module, dot, attribute = name.rpartition(".")
    if not dot:
        nearest = names.nearest(name, BUILT_IN)
        raise StepFailed(f"There is no step {name!r}.{f' Did you mean {nearest!r}?' if nearest else ''}")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise StepFailed(f"The step {name!r} can't be imported: {error}") from error
    except AttributeError:
        raise StepFailed(f"The module {module!r} has no step {attribute!r}.") from None
