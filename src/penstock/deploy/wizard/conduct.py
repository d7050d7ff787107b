"""The questions in their order. Nothing is done here: whoever leaves at any of them has changed nothing."""

from __future__ import annotations

from typing import Any

from penstock.deploy.manifest import Entry, Manifest
from penstock.deploy.wizard.answers import Answers, Scene
from penstock.deploy.wizard.asker import Asker, Choice
from penstock.deploy.wizard.flows import ask_flow, ask_name
from penstock.deploy.wizard.images import ask_image
from penstock.deploy.wizard.pools import ask_pool
from penstock.deploy.wizard.schedules import ask_schedules
from penstock.deploy.wizard.storage import ask_storage

NEW: Choice[Entry | None] = Choice(None, ("a new one", "", ""))
NEEDED = ("entrypoint", "name", "work_pool")


def choose_entry(asker: Asker, manifest: Manifest) -> Entry | None:
    """One of the deployments that the file declares, or None for a new one."""
    rows: list[Choice[Entry | None]] = [Choice(entry, _row(entry)) for entry in manifest.entries]
    return asker.choose("Deployment", [*rows, NEW])


def _row(entry: Entry) -> tuple[str, ...]:
    pool = (entry.values.get("work_pool") or {}).get("name")
    return (entry.name or "(unnamed)", str(entry.values.get("entrypoint") or ""), str(pool or ""))


def lacks(values: dict[str, Any]) -> list[str]:
    """Which of the things that a deployment can't do without are not said, by their keys."""
    said = {**values, "work_pool": (values.get("work_pool") or {}).get("name")}
    return [key for key in NEEDED if not said.get(key)]


def describe(asker: Asker, scene: Scene, values: dict[str, Any], *, new: bool) -> Answers:
    """Asks what `values` do not say: of a new deployment everything, of one that is declared what it needs."""
    answers = Answers(dict(values))
    for ask in (ask_flow, ask_name, ask_pool):
        ask(asker, scene, answers)
    if new:
        for ask in (ask_image, ask_storage, ask_schedules):
            ask(asker, scene, answers)
    return answers
