"""From an entrypoint to its flow: `file.py:function`, `package.module:function`, `package.module.function`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from penstock.errors import FlowNotFound
from penstock.names import nearest
from penstock.sdk.flow import Flow


def load_flow(entrypoint: str, folder: Path | None = None) -> Flow[..., Any]:
    """The flow; a plain function is made one. Raises `FlowNotFound` that says what failed and why.

    A flow of the real Prefect is given as it is: it has an engine of its own.
    """
    found = load_object(entrypoint, folder)
    if isinstance(found, Flow) or type(found).__module__.partition(".")[0] == "prefect":
        return found  # type: ignore[no-any-return]  # the caller tells the two apart
    if not callable(found):
        raise FlowNotFound(f"{entrypoint!r} is a {type(found).__name__}, not a flow.")
    return Flow(found)


def load_object(entrypoint: str, folder: Path | None = None) -> Any:
    """What stands at an entrypoint, whatever it is. Raises `FlowNotFound`."""
    place, colon, name = entrypoint.rpartition(":")
    if not colon:
        place, _, name = entrypoint.rpartition(".")
    if not place or not name:
        raise FlowNotFound(f"{entrypoint!r} is no entrypoint: write file.py:function or package.module:function.")
    is_file = place.endswith(".py") or "/" in place
    module = _guarded(entrypoint, lambda: _from_file(place, folder) if is_file else importlib.import_module(place))
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            close = nearest(part, [known for known in dir(found) if not known.startswith("_")])
            hint = f" Did you mean {close!r}?" if close else ""
            raise FlowNotFound(f"{place} has no {part!r}.{hint}")
        found = getattr(found, part)
    return found


def _guarded(entrypoint: str, load: Callable[[], ModuleType]) -> ModuleType:
    """Whatever the user's module raises while it is imported becomes a `FlowNotFound` with its words."""
    try:
        return load()
    except FlowNotFound:
        raise
    except Exception as error:
        raise FlowNotFound(f"{entrypoint!r} could not be imported: {type(error).__name__}: {error}") from error
    except SystemExit as error:
        raise FlowNotFound(f"{entrypoint!r} ended the program while it was imported (exit {error.code}).") from error


def _from_file(place: str, folder: Path | None) -> ModuleType:
    """Imports a file by its path, with its own folder and the working folder importable for it."""
    path = ((folder or Path.cwd()) / place).resolve()
    if not path.is_file():
        raise FlowNotFound(f"There is no file {place!r} in {folder or Path.cwd()}.")
    for searched in (str(path.parent), str(folder or Path.cwd())):
        if searched not in sys.path:
            sys.path.insert(0, searched)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FlowNotFound(f"{place!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what the flow pickles can be found again by its module's name
    spec.loader.exec_module(module)
    return module
