"""From the name in a project file to the function that does the step."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock import names, plugins
from penstock.errors import StepFailed
from penstock.steps.packages import install_missing
from penstock.steps.protocol import Place, Step

BUILT_IN = {
    "build_docker_image": "docker",
    "git_clone": "git",
    "pip_install_requirements": "packages",
    "pull_from_azure_blob_storage": "buckets",
    "pull_from_gcs": "buckets",
    "pull_from_remote_storage": "buckets",
    "pull_from_s3": "buckets",
    "pull_with_block": "storage_blocks",
    "push_docker_image": "docker",
    "push_to_azure_blob_storage": "buckets",
    "push_to_gcs": "buckets",
    "push_to_s3": "buckets",
    "run_shell_script": "shell",
    "set_working_directory": "places",
}
"""In which module beside this one each of our steps is; it is imported when the step is first run."""

_FAMILIES = frozenset({"penstock", "prefect", "prefect_aws", "prefect_azure", "prefect_docker", "prefect_gcp"})


async def find(name: str, requires: list[str]) -> Step:
    """The step of this name: ours, a plug-in's, or any callable at a dotted path.

    Project files name the built-in steps as Prefect does (`prefect.deployments.steps.git_clone`,
    `prefect_aws.deployments.steps.push_to_s3`); ours answer to that, to `penstock.deployments.steps.git_clone`
    and to the bare name. What the step `requires` is installed only for a callable of another package.
    """
    *module, last = name.split(".")
    known = not module or (module[0] in _FAMILIES and "steps" in module)
    if known and last in BUILT_IN:
        return _built_in(last)
    if (plugin := plugins.load(plugins.STEPS, name)) is not None:
        step: Step = plugin
        return step
    await install_missing(requires)
    return _Foreign(name)


def _built_in(name: str) -> Step:
    step: Step = getattr(importlib.import_module(f"penstock.steps.{BUILT_IN[name]}"), name)
    return step


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
    """The callable; modules in the working directory are found too."""
    module, dot, attribute = name.rpartition(".")
    if not dot:
        raise StepFailed(f"There is no step {name!r}.{_meant(name)}")
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise StepFailed(f"The step {name!r} can't be imported: {error}.{_meant(attribute)}") from error
    except AttributeError:
        raise StepFailed(f"The module {module!r} has no step {attribute!r}.") from None
    finally:
        sys.path.remove(here)


def _meant(name: str) -> str:
    nearest = names.nearest(name, BUILT_IN)
    return f" Did you mean {nearest!r}?" if nearest else ""
