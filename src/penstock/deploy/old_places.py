"""Where the code of an old deployment is, for somebody who deploys from the root of the repository.

A `deployment.yaml` was built in the folder where its flow's path begins, often one below the root. One project file
serves the whole repository, so its entrypoints begin at the root, and where runs find the code must be laid out alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.deploy.old_apply import entrypoint_of_manifest
from penstock.deploy.old_blocks import slug_of
from penstock.deploy.old_files import OldFile
from penstock.errors import DeployFailed, FlowNotFound
from penstock.sdk.entrypoints import parse_entrypoint

TAKES_UPLOADS = frozenset({"s3", "s3-bucket", "gcs", "gcs-bucket", "azure", "azure-blob-storage-container"})
"""Storage that a push step copies the code to, so that it is laid out as the repository is."""


@dataclass(frozen=True, slots=True)
class CodePlace:
    """An entrypoint from the root on, the folder of the storage or machine that it begins in, and what to say."""

    entrypoint: str | None
    path: str | None
    remarks: tuple[Remark, ...] = field(default=())


def place_of(old: OldFile, root: Path) -> CodePlace:
    """Where the code is, seen from the root. An entrypoint that can't be found there is an error among the remarks."""
    written = old.values.get("path")
    path = str(written) if written else None
    try:
        entrypoint = str(old.values.get("entrypoint") or entrypoint_of_manifest(old))
        parsed = parse_entrypoint(entrypoint)
    except (DeployFailed, FlowNotFound) as error:
        code, words = ("C08", "names its flow by a manifest that can't be read")
        if isinstance(error, FlowNotFound):
            code, words = ("C09", f"has an entrypoint that can't be understood: {old.values.get('entrypoint')!r}")
        return CodePlace(None, path, (_error(code, f"The file {words}."),))
    if parsed.file is None:
        return CodePlace(entrypoint, path)
    base = next((one for one in _bases(old, root, path) if (one / parsed.file).is_file()), None)
    if base is None:
        return CodePlace(entrypoint, path, (_error("C09", _nowhere(parsed.file, root)),))
    below = base.relative_to(root).as_posix()
    file = PurePosixPath(below, parsed.file).as_posix()
    moved, remarks = (path, ()) if below == "." else _from_root(old, path, below)
    return CodePlace(f"{file}:{parsed.name}", moved, remarks)


def _bases(old: OldFile, root: Path, path: str | None) -> Iterator[Path]:
    """Folders that the entrypoint may begin in, the likeliest first; none above the root."""
    if path and not old.values.get("storage") and Path(path).is_absolute() and Path(path).is_relative_to(root):
        yield Path(path)
    here = old.path.resolve().parent
    yield from (one for one in (here, *here.parents) if one.is_relative_to(root))


def _from_root(old: OldFile, path: str | None, below: str) -> tuple[str | None, tuple[Remark, ...]]:
    """The place of the code without the folder that its entrypoint now begins with."""
    parts, end = PurePosixPath(path or "").parts, PurePosixPath(below).parts
    if parts[-len(end) :] == end:
        rest = PurePosixPath(*parts[: -len(end)]).as_posix()
        return (None if rest == "." else rest), ()
    storage: Mapping[str, Any] = old.values.get("storage") or {}
    if slug_of(storage) in TAKES_UPLOADS:
        said = f"The code was uploaded from {below}/; now the whole repository is, and flows begin at its root."
        way = "Nothing to do: `penstock deploy` uploads it. What was uploaded before can be deleted."
        return path, (Remark("C09", Severity.NOTE, "path", said, way),)
    where = path or "the storage"
    said = f"Flows now begin at the root of the repository, but at {where} the code begins with what is in {below}/."
    way = f"See to it that {where} holds the whole repository before runs start: {below}/ with its files."
    return path, (Remark("C09", Severity.WARNING, "path", said, way),)


def _nowhere(file: str, root: Path) -> str:
    return f"The flow's file {file} is not below {root}, so the project file can't name it."


def _error(code: str, sentence: str) -> Remark:
    way_out = "Write entrypoint: path/to/file.py:function into the file, from its own folder on."
    return Remark(code, Severity.ERROR, "entrypoint", sentence, way_out)
