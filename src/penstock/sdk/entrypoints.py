"""From an entrypoint to its flow: `path/file.py:function`, `path/file.py:Class.method`, `package.module:function`
or `package.module.function`.

The file is imported, not run. What stands beside it can be imported by it in all three ways people use:
`import sibling`, `from package_below_root.module import x`, `from .sibling import x`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from penstock.errors import FlowNotFound
from penstock.names import nearest
from penstock.sdk.flow import Flow


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """A parsed entrypoint: a file or a dotted module, and the dotted name of the flow in it."""

    text: str
    file: str | None
    module: str | None
    name: str


def parse_entrypoint(text: str) -> Entrypoint:
    """The parts of an entrypoint; `FlowNotFound` when it can't be one. Back-slashes are taken as slashes."""
    where, colon, name = text.rpartition(":")
    if colon and name and where and not where.endswith(":"):
        if where.endswith(".py") or "/" in where or "\\" in where:
            return Entrypoint(text, where.replace("\\", "/"), None, name)
        return Entrypoint(text, None, where, name)
    module, dot, name = text.rpartition(".")
    if colon or not dot or not module or not name or name == "py":
        raise FlowNotFound(f"The entrypoint {text!r} must be path/to/file.py:function or package.module:function.")
    return Entrypoint(text, None, module, name)


Modules = dict[Path, ModuleType]
"""The modules of files that were imported, so that the next flow of a file is in the same one."""


def load_flow(entrypoint: str, folder: Path | None = None, known: Modules | None = None) -> Flow[..., Any]:
    """The flow; a plain function is made one. Raises `FlowNotFound` that says what failed and why.

    A flow of the real Prefect is given as it is: it has an engine of its own. Files are imported anew, but for
    those that `known` has; what is imported is added to it.
    """
    found = load_object(entrypoint, folder, known)
    if isinstance(found, Flow) or type(found).__module__.partition(".")[0] == "prefect":
        return found  # type: ignore[no-any-return]  # the caller tells the two apart
    if not callable(found):
        raise FlowNotFound(f"{entrypoint!r} is a {type(found).__name__}, not a flow.")
    return Flow(found)


def load_object(entrypoint: str, folder: Path | None = None, known: Modules | None = None) -> Any:
    """What stands at an entrypoint, whatever it is. Raises `FlowNotFound`."""
    parsed = parse_entrypoint(entrypoint)
    module = _module(parsed, (folder or Path.cwd()).resolve(), {} if known is None else known)
    found: Any = module
    for part in parsed.name.split("."):
        if not hasattr(found, part):
            raise FlowNotFound(f"{entrypoint!r}: {_missing(found, part, module)}")
        found = getattr(found, part)
    return found


def _missing(found: Any, part: str, module: ModuleType) -> str:
    flows = [name for name, value in vars(module).items() if isinstance(value, Flow)]
    meant = nearest(part, flows or [name for name in dir(found) if not name.startswith("_")])
    if meant:
        return f"there is no {part!r} in {module.__name__}. Did you mean {meant!r}?"
    return f"there is no {part!r} in {module.__name__}; its flows are {', '.join(flows) or 'none'}."


def _module(entrypoint: Entrypoint, root: Path, known: Modules) -> ModuleType:
    importlib.invalidate_caches()  # a pull step may have written it a moment ago
    _look_first_in(root)
    if entrypoint.module is not None:
        return _imported(entrypoint, lambda: importlib.import_module(entrypoint.module or ""))
    path = (root / str(entrypoint.file)).resolve()
    if not path.is_file():
        raise FlowNotFound(f"{entrypoint.text!r}: there is no file {entrypoint.file} in {root}.")
    if path not in known:
        _look_first_in(path.parent, behind=root)
        known[path] = _imported(entrypoint, lambda: _import_file(path, root))
    return known[path]


def _look_first_in(folder: Path, behind: Path | None = None) -> None:
    """Puts a folder at the front of the import path (or right behind another), once."""
    if str(folder) in sys.path:
        return
    place = sys.path.index(str(behind)) + 1 if behind is not None and str(behind) in sys.path else 0
    sys.path.insert(place, str(folder))


def _imported(entrypoint: Entrypoint, load: Callable[[], ModuleType]) -> ModuleType:
    """Whatever the user's module raises while it is imported becomes a `FlowNotFound` with its words and place."""
    try:
        return load()
    except FlowNotFound:
        raise
    except SystemExit as error:
        text = f"{entrypoint.text!r} ended the program while it was imported (exit {error.code})."
        raise FlowNotFound(text) from error
    except Exception as error:
        raise FlowNotFound(f"{entrypoint.text!r} could not be imported: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The error, and the last line on the way to it that is the user's own."""
    import sysconfig  # takes long to import, and only failures need it

    installed = tuple(sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib"))
    here = Path(__file__).resolve()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    frames = [frame for frame in frames if Path(frame.filename).resolve() != here]
    own = [frame for frame in frames if not frame.filename.startswith(installed)] or frames
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


def _import_file(path: Path, root: Path) -> ModuleType:
    name = _module_name(path, root)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FlowNotFound(f"{path} is not a Python file.")
    if package := name.rpartition(".")[0]:
        importlib.import_module(package)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that what the flow pickles can be found again by its module's name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _module_name(path: Path, root: Path) -> str:
    """The name it would be imported by from the root; one of its own where that is none, or is taken."""
    parts = path.relative_to(root).with_suffix("").parts if path.is_relative_to(root) else (path.stem,)
    name = ".".join(parts)
    if all(part.isidentifier() for part in parts) and not _taken(name, path):
        return name
    return f"penstock_flow_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _taken(name: str, path: Path) -> bool:
    """Whether the name's first part means something else: a folder called `prefect` must not hide the package."""
    first = name.partition(".")[0]
    if first in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(first)
    except (ValueError, ImportError):
        return True
    if spec is None:
        return True
    places = [Path(place).resolve() for place in spec.submodule_search_locations or ()]
    return not any(path.is_relative_to(place) for place in places) and Path(spec.origin or "").resolve() != path
