"""The text of a project file for many deployments: what they share is written once, under `definitions`.

A file that is there is added to place by place, so that its own text stays as it is; what it says of a deployment
wins, unless it is told otherwise.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from penstock.core.deployment_values import go_to
from penstock.deploy.manifest import STEPS, Entry, Manifest, parse_manifest
from penstock.deploy.save import with_deployment, with_new_deployments
from penstock.deploy.yaml_text import as_block, plain
from penstock.deploy.yaml_tree import BadYaml
from penstock.errors import DeployFailed

Values = Mapping[str, Any]
HOISTED = ("push", "pull")
_HEAD = """\
# What is deployed from this folder: `penstock deploy --all`. Commit this file with your code.
name: {name}
prefect-version: 3.8.8

# Steps before a deployment is made, such as building an image.
build: null

"""
_NOT_AN_ANCHOR = re.compile(r"[^A-Za-z0-9]+")


@dataclass(slots=True)
class Merge:
    """A project file with entries laid into it, and what became of each, by their place in the list."""

    text: str
    added: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    """Entries that the file has otherwise, with `file:line` of what it has."""


def new_text(name: str, entries: Sequence[Values]) -> str:
    """A whole project file."""
    shared = _Shared(entries)
    parts = [_HEAD.format(name=plain(name))]
    for kind in HOISTED:
        steps = shared.hoisted.get(kind)
        parts.append(f"{as_block({kind: steps})}\n\n" if steps else f"{kind}: null\n\n")
    parts += [*shared.definitions(), "deployments:\n"]
    return "".join(parts) + "\n".join("".join(shared.entry(one)) for one in entries)


def merged(manifest: Manifest, text: str, entries: Sequence[Values], *, force: bool = False) -> Merge:
    """The entries laid into the text of a file that is there; with `force` they win over what it says.

    Raises `DeployFailed` when the file is written in a way that can't be added to.
    """
    done = Merge(text)
    fresh = []
    try:
        for number, values in enumerate(entries):
            fitted = _fitted(values, manifest)
            found = _found(manifest, values)
            if found is None:
                done.added.append(number)
                fresh.append(fitted)
            elif _says_the_same(found, fitted, manifest):
                done.same.append(number)
            elif not force or found.values.get("entrypoint") != values["entrypoint"]:
                done.kept[number] = found.where
            else:
                done.changed.append(number)
                done.text = with_deployment(done.text, fitted)
        done.text = with_new_deployments(done.text, fresh)
    except BadYaml as error:
        where = f"{manifest.path}:{error.line}"
        raise DeployFailed(f"{where}: nothing was written, since this can't be added to: {error.reason}.") from None
    return done


class _Shared:
    """What several entries have in common: each pool, and steps that more than one of them takes."""

    def __init__(self, entries: Sequence[Values]) -> None:
        self.hoisted = {kind: steps for kind in HOISTED if (steps := _common(entries, kind))}
        self.pools = {name: _anchor(name, taken) for taken in [set[str]()] for name in _pool_names(entries)}
        self.bases = {name: _base(name, entries) for name in self.pools}
        self.steps = {kind: _repeated(entries, kind) for kind in HOISTED if kind not in self.hoisted}

    def definitions(self) -> Iterator[str]:
        if not self.pools:
            return
        yield "definitions:\n  work_pools:\n"
        for name, anchor in self.pools.items():
            yield f"    {anchor}: &{anchor}\n{as_block(self.bases[name], 6)}\n"
        for kind, known in self.steps.items():
            yield f"  {kind}:\n" if known else ""
            for steps, anchor in known.items():
                yield f"    {anchor}: &{anchor}\n{as_block(json.loads(steps), 4)}\n"
        yield "\n"

    def entry(self, values: Values) -> Iterator[str]:
        lines = "".join(self._key(key, one) for key, one in values.items())
        yield "-" + lines[1:]

    def _key(self, key: str, value: Any) -> str:
        if key == "work_pool":
            return self._pool(value)
        if key in HOISTED:
            if key in self.hoisted:
                return ""
            anchor = self.steps[key].get(_text(value))
            return f"  {key}: *{anchor}\n" if anchor else f"{as_block({key: value}, 2)}\n"
        return f"{as_block({key: value}, 2)}\n"

    def _pool(self, value: Values) -> str:
        anchor, base = self.pools[value["name"]], self.bases[value["name"]]
        own = {key: one for key, one in value.items() if base.get(key) != one}
        if not own:
            return f"  work_pool: *{anchor}\n"
        return f"  work_pool:\n    <<: *{anchor}\n{as_block(own, 4)}\n"


def _common(entries: Sequence[Values], kind: str) -> Any:
    """The steps that every entry takes; None when they differ."""
    first = entries[0].get(kind) if entries else None
    return first if all(one.get(kind) == first for one in entries) else None


def _pool_names(entries: Sequence[Values]) -> list[str]:
    return list(dict.fromkeys(one["work_pool"]["name"] for one in entries))


def _base(name: str, entries: Sequence[Values]) -> dict[str, Any]:
    """What all deployments of a pool say of it: its name, and its queue if they share one."""
    queues = {one["work_pool"].get("work_queue_name") for one in entries if one["work_pool"]["name"] == name}
    queue = queues.pop() if len(queues) == 1 else None
    return {"name": name, "work_queue_name": queue} if queue else {"name": name}


def _repeated(entries: Sequence[Values], kind: str) -> dict[str, str]:
    """Steps that more than one entry takes, as text, with an anchor for each."""
    counts = Counter(_text(one[kind]) for one in entries if one.get(kind))
    taken: set[str] = set()
    return {steps: _anchor(_named(json.loads(steps), kind), taken) for steps, count in counts.items() if count > 1}


def _named(steps: Sequence[Mapping[str, Any]], kind: str) -> str:
    """What the first step has to do with, in a word or two."""
    inputs = next(iter(steps[0].values())) or {}
    names = ("bucket", "container", "block_document_name", "repository", "url", "directory")
    what = next((str(inputs[name]) for name in names if inputs.get(name)), "code")
    return f"{kind} {what.rstrip('/').rpartition('/')[2].removesuffix('.git')}"


def _anchor(name: str, taken: set[str]) -> str:
    """A name as YAML takes it for an anchor, unlike the others."""
    plain_name = _NOT_AN_ANCHOR.sub("_", name).strip("_") or "shared"
    found, number = plain_name, 1
    while found in taken:
        number += 1
        found = f"{plain_name}_{number}"
    taken.add(found)
    return found


def _fitted(values: Values, manifest: Manifest) -> dict[str, Any]:
    """The entry beside the steps at the top of the file: not said twice, and switched off where it has none."""
    done = dict(values)
    for kind in STEPS:
        known = manifest.steps.get(kind)
        if not known:
            continue
        if done.get(kind) == known:
            del done[kind]
        elif kind == "pull":
            done.setdefault(kind, [go_to(str(manifest.folder))])
        else:
            done.setdefault(kind, [])
    return done


def _found(manifest: Manifest, values: Values) -> Entry | None:
    """The file's own entry for the deployment: of its name, and of its function wherever that is."""
    function = str(values["entrypoint"]).rpartition(":")[2]
    same = [one for one in manifest.entries if one.name == values["name"]]
    exact = [one for one in same if one.values.get("entrypoint") == values["entrypoint"]]
    alike = [one for one in same if str(one.values.get("entrypoint") or "").rpartition(":")[2] == function]
    return next(iter([*exact, *alike]), None)


def _says_the_same(found: Entry, fitted: Values, manifest: Manifest) -> bool:
    """Whether the file has each value; what it says beyond that is its own."""
    [mine] = parse_manifest(f"{as_block({'deployments': [fitted]})}\n", manifest.path).entries
    return all(_said(found.values.get(key)) == _said(value) for key, value in mine.values.items())


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: kept for key, one in value.items() if (kept := _said(one)) is not None} or None
    return value if value not in ([], "") else None


def _text(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value))
