"""Which deployments of a project file a command means (deploy.md 3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from penstock.deploy.manifest import Entry, Manifest
from penstock.errors import DeployFailed
from penstock.names import nearest


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen entries; `new_name` is what a single one is to be called, whatever the file says."""

    entries: list[Entry]
    new_name: str | None = None
    warnings: list[str] = field(default_factory=list)


def select(manifest: Manifest, names: Sequence[str], *, every: bool, makes: bool = False) -> Selection:
    """The entries that names and patterns mean, or all; `makes` when the command says enough to make a new one.

    Raises `DeployFailed` when that is not clear: both asked for, or no name with several to choose from.
    """
    if every and names:
        raise DeployFailed("Choose deployments by --all or by --name, not both.")
    entries = manifest.entries
    if every:
        return _all(manifest)
    if not entries:
        return Selection([Entry({}, str(manifest.path) if manifest.is_there else "")], names[0] if names else None)
    if len(entries) == 1 and len(names) <= 1 and not any("*" in name for name in names):
        return Selection(list(entries), names[0].rpartition("/")[2] if names else None)
    if not names:
        known = ", ".join(entry.name or "(unnamed)" for entry in entries)
        raise DeployFailed(f"{manifest.path} has {len(entries)} deployments: {known}. Name some with -n, or use --all.")
    return _named(entries, names, makes)


def _all(manifest: Manifest) -> Selection:
    named = [entry for entry in manifest.entries if entry.name]
    if not named:
        said = f"{manifest.path} has no deployments with a name" if manifest.is_there else "There is nothing to deploy"
        raise DeployFailed(f"{said}.")
    skipped = [entry for entry in manifest.entries if not entry.name]
    return Selection(named, warnings=[f"{entry.where}: a deployment without a name is skipped." for entry in skipped])


def _named(entries: Sequence[Entry], names: Sequence[str], makes: bool) -> Selection:
    chosen: list[Entry] = []
    warnings: list[str] = []
    for name in names:
        found = [entry for entry in entries if matches(entry, name)]
        if not found:
            warnings.append(_unknown(name, entries))
        chosen += [entry for entry in found if entry not in chosen]
    if chosen:
        return Selection(chosen, warnings=warnings)
    if makes and len(names) == 1 and "*" not in names[0]:
        return Selection([Entry({})], names[0].rpartition("/")[2])
    raise DeployFailed("\n".join(warnings))


def matches(entry: Entry, name: str) -> bool:
    """Whether a name, `flow/name`, or either with `*` for any text means this entry."""
    flow, slash, deployment = name.rpartition("/")
    wanted = [(deployment, entry.name or "")] + ([(flow.replace("_", "-"), entry.function_name)] if slash else [])
    return bool(entry.name) and all(_like(pattern, text) for pattern, text in wanted)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _unknown(name: str, entries: Sequence[Entry]) -> str:
    meant = nearest(name.rpartition("/")[2], [entry.name for entry in entries if entry.name])
    hint = f" Did you mean {meant!r}?" if meant else ""
    return f"No deployment in the file is called {name!r}.{hint}"
