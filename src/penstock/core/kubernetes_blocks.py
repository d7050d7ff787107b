"""What a Kubernetes job block says of its manifest, grafted onto the manifest of a pool's template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.core.infrastructure_blocks import Conversion, Severity
from penstock.core.json_patch import Operation, operations, put, value_at
from penstock.core.template_grafts import Graft, Path, into_environment, into_labels
from penstock.errors import InvalidRequest

ROOT = "job_manifest"
CONTAINER: Path = ("spec", "template", "spec", "containers", "0")
ENVIRONMENT: Path = (*CONTAINER, "env")
BACKOFF: Path = ("spec", "backoffLimit")

BASE: Mapping[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {}},
    "spec": {
        "template": {
            "spec": {
                "parallelism": 1,
                "completions": 1,
                "restartPolicy": "Never",
                "containers": [{"name": "prefect-job", "env": []}],
            }
        }
    },
}
"""The manifest of a block that has none of its own."""
SET_AT_START: frozenset[Path] = frozenset({("metadata", "generateName"), (*CONTAINER, "args")})
"""What the block set anew for every job, whatever its manifest said."""


def graft_job(done: Conversion) -> None:
    """Lays the block's own manifest over the template's, where it differs from what every such block has."""
    job = done.block.data.get("job")
    graft = _graft(done)
    if job:
        _lay(graft, (), dict(job), BASE)
        _drop_missing(graft, (), job, BASE)
    if not _has(job or {}, BACKOFF):
        done.say(
            "C20",
            Severity.NOTE,
            f"{ROOT}.spec.backoffLimit",
            "The block left it to Kubernetes to start a failed pod again, up to six times; the pool starts a job once.",
            "Use retries of the flow, or set `spec.backoffLimit` in the pool's template.",
        )


def graft_customizations(done: Conversion) -> None:
    """Applies the block's JSON patches to the template's manifest."""
    patch = done.block.data.get("customizations")
    graft = _graft(done)
    for one in _read(graft, patch) if patch else []:
        graft.operate(one)


def _read(graft: Graft, patch: Any) -> list[Operation]:
    try:
        return operations(patch)
    except InvalidRequest as error:
        graft.refuse(("customizations",), error.message.rstrip("."))
        return []


def _graft(done: Conversion) -> Graft:
    return Graft(done, ROOT, {"env": _environment, "labels": into_labels})


def _environment(done: Conversion, rest: Path, value: Any) -> bool:
    """Plain variables become defaults of `env`; those that Kubernetes fills in itself stay in the manifest."""
    entries = value if not rest and isinstance(value, list) else [value]
    if not all(isinstance(one, Mapping) and "name" in one for one in entries):
        return False
    plain = [dict(one) for one in entries if set(one) == {"name", "value"}]
    others = [dict(one) for one in entries if set(one) != {"name", "value"}]
    if plain and not into_environment("name")(done, (), plain):
        return False
    if others:
        put(done.job[ROOT], ENVIRONMENT, others, replaces=True)
    return True


def _lay(graft: Graft, path: Path, tree: Mapping[str, Any], known: Any) -> None:
    for key, value in tree.items():
        inner = (*path, str(key))
        usual = known.get(key) if isinstance(known, Mapping) else None
        if value is None or inner in SET_AT_START or (value == usual and inner != ENVIRONMENT):
            continue
        if inner == CONTAINER[:-1] and isinstance(value, list):
            _lay_containers(graft, value)
        elif isinstance(value, Mapping) and isinstance(usual, Mapping) and inner != ("metadata", "labels"):
            _lay(graft, inner, value, usual)
        elif value:
            graft.lay(inner, value)


def _lay_containers(graft: Graft, containers: list[Any]) -> None:
    """The first is the one that flows run in; others stand beside it."""
    if containers:
        usual = value_at(BASE, CONTAINER)
        _lay(graft, CONTAINER, containers[0], usual)
    for other in containers[1:]:
        put(graft.manifest, (*CONTAINER[:-1], "-"), other)


def _drop_missing(graft: Graft, path: Path, tree: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Takes away what every such block has and this one's manifest has not."""
    for key, usual in known.items():
        inner = (*path, key)
        if isinstance(usual, Mapping) and isinstance(tree.get(key), Mapping):
            _drop_missing(graft, inner, tree[key], usual)
        elif key not in tree and not isinstance(usual, Mapping | list):
            value_at(graft.manifest, path).pop(key, None)


def _has(tree: Any, path: Path) -> bool:
    try:
        value_at(tree, path)
    except InvalidRequest:
        return False
    return True
