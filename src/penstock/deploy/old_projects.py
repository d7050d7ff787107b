"""All the `deployment.yaml` files of a repository as one `prefect.yaml` at its root, with the pools it needs.

Files are known by what is in them. Nothing is written here but by `write`; secrets are read nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.upgrade_planning import plan
from penstock.core.upgrade_plans import NewBlock, PoolPlan
from penstock.deploy.manifest import decoded, load_manifest
from penstock.deploy.old_entries import NewEntry, entry_of
from penstock.deploy.old_files import OldFile, holds_deployments, read_old_files
from penstock.deploy.old_records import Sources, record_of
from penstock.deploy.project_text import Merge, merged, new_text
from penstock.deploy.save import replace_file
from penstock.errors import DeployFailed
from penstock.infra.templates import shipped_templates

SUFFIXES = (".yaml", ".yml")
FOREIGN = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
"""Folders whose files are nobody's deployments; those that begin with a dot are neither."""
MAKES_DEPLOYMENTS = ("Deployment.build_from_flow(", "Deployment(")
"""How scripts of the agent generation made deployments."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What becomes of a repository's files: entries, the pools and blocks that they need, and scripts seen."""

    entries: tuple[NewEntry, ...]
    scripts: tuple[Path, ...] = ()

    @property
    def written(self) -> list[NewEntry]:
        """Those that the project file gets."""
        return [one for one in self.entries if one.values is not None]

    @property
    def pools(self) -> list[PoolPlan]:
        """The pools of those, each once."""
        found = {one.upgrade.pool.name: one.upgrade.pool for one in self.written if one.upgrade.pool}
        return list(found.values())

    @property
    def blocks(self) -> list[NewBlock]:
        """The blocks that pull steps refer to and that are not there yet, each once."""
        found = {(one.type_slug, one.name): one for each in self.written for one in each.upgrade.blocks}
        return [one for one in found.values() if not one.exists]


@dataclass(frozen=True, slots=True)
class Draft:
    """The files to be written, and those that are so already."""

    merge: Merge
    output: Path
    is_new: bool
    templates: Mapping[Path, str] = field(default_factory=dict)
    """Base job templates by the path of each file, only those that differ from what is there."""

    @property
    def changes_project(self) -> bool:
        return self.is_new or bool(self.merge.added or self.merge.changed)


def find_old_files(folder: Path) -> list[Path]:
    """The files below a folder that hold deployments of the agent generation, in the order of their paths."""
    return [path for path in _below(folder, SUFFIXES) if holds_deployments(path)]


def find_scripts(folder: Path) -> list[Path]:
    """Python files below a folder that make deployments themselves (the report's code C19)."""
    return [path for path in _below(folder, (".py",)) if _makes_deployments(path)]


def read_all(paths: Iterable[Path]) -> list[OldFile]:
    """The deployments of all files. Raises `DeployFailed` with every fault, also of one that is there twice."""
    found: list[OldFile] = []
    faults: list[str] = []
    for path in paths:
        try:
            found += read_old_files(path)
        except DeployFailed as error:
            faults.append(error.message)
    first: dict[str, OldFile] = {}
    for one in found if not faults else ():
        before = first.setdefault(one.full_name, one)
        if before is not one:
            faults.append(f"{one.place('name')}: {one.full_name} is there already, at {before.place('name')}.")
    if faults:
        raise DeployFailed("\n".join(faults))
    return found


def convert(files: Sequence[OldFile], sources: Sources, scripts: Sequence[Path] = ()) -> Conversion:
    """What becomes of the deployments, in the order of their files."""
    filed = [record_of(one, sources) for one in files]
    planned = plan([one.old for one in filed], sources.there, shipped_templates())
    ways = {one.old.full_name: one for one in planned.deployments}
    entries = [entry_of(one, ways[one.old.full_name], str(sources.root)) for one in filed]
    return Conversion(tuple(entries), tuple(scripts))


def draft(found: Conversion, output: Path, templates: Path, *, force: bool) -> Draft:
    """The files as they will be. Raises `DeployFailed` when the project file that is there can't be added to."""
    entries = [one.values for one in found.written if one.values is not None]
    wanted = {templates / f"{one.name}.json": _template(one) for one in found.pools if needs_template(one)}
    fresh = {path: text for path, text in wanted.items() if _content(path) != text}
    manifest = load_manifest(output)
    if not manifest.is_there:
        text = new_text(output.resolve().parent.name, entries)
        return Draft(Merge(text, added=list(range(len(entries)))), output, is_new=bool(entries), templates=fresh)
    text = decoded(manifest.source, output)
    return Draft(merged(manifest, text, entries, force=force), output, is_new=False, templates=fresh)


def write(made: Draft) -> None:
    """Writes what differs; each file as a whole, or not at all."""
    for path, text in made.templates.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    if made.changes_project:
        replace_file(made.output, made.merge.text.encode(), new=made.is_new)


def needs_template(pool: PoolPlan) -> bool:
    """Whether the pool is to be made with a template that is not its type's own."""
    return not pool.exists and pool.template != shipped_templates().get(pool.type)


def script_remark(path: Path) -> Remark:
    """What there is to say of a script that makes deployments."""
    return Remark(
        "C19",
        Severity.NOTE,
        "",
        "This script makes deployments by itself, which can't be read off its text.",
        "Upgrade what it made on the server with `penstock upgrade plan`, or write its deployments into prefect.yaml.",
    )


def _template(pool: PoolPlan) -> str:
    return json.dumps(pool.template, indent=2) + "\n"


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _makes_deployments(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    is_old = "from prefect.deployments import" in text or "prefect.deployments.Deployment" in text
    return is_old and any(sign in text for sign in MAKES_DEPLOYMENTS)


def _below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for top, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in FOREIGN)
        yield from (Path(top, name) for name in sorted(files) if name.endswith(suffixes))
