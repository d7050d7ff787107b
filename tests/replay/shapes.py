"""Compares two JSON answers: keys, types and enumerated values count; ids, times and made-up names do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.replay.mapping import GENERATED, MOMENT, UUID, Mapping

ENUMERATED = {
    "type", "state_type", "state_name", "status", "collision_strategy", "retry_type", "role", "event", "posture",
    "require", "auto_scheduled", "paused", "active", "enabled", "is_paused", "enforce_parameter_schema", "count",
    "limit", "priority", "run_count", "exception_message", "loc", "level", "sort",
}  # fmt: skip
"""Keys whose values must be the same, not only of the same type."""

MEASURED = {"total_run_time", "total_task_run_time", "estimated_run_time", "estimated_start_time_delta", "expiration"}
"""Keys whose numbers are durations."""

TELLING = ("id", "prefect.resource.id", "name", "event", "slug", "key")
"""Keys that tell which object of a list is meant, the best first."""

TIMELY = ({"READY", "NOT_READY"}, {"Scheduled", "Late"})
"""Words that pass into each other by themselves, as time goes by."""


@dataclass(frozen=True)
class Difference:
    """One disagreement: `kind` is status, missing, extra, type, empty, enum or value; only `value` may be forgiven."""

    path: str
    kind: str
    recorded: object
    live: object

    @property
    def counts(self) -> bool:
        """Whether a client could notice it as another shape."""
        return self.kind != "value"

    def __str__(self) -> str:
        return f"{self.kind} {self.path}: {brief(self.recorded)} -> {brief(self.live)}"


def brief(value: object) -> str:
    text = repr(value)
    return text if len(text) < 120 else text[:117] + "..."


class Comparison:
    """Walks two answers side by side, learning what the live server calls things."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.found: list[Difference] = []
        self.strangers = 0
        """How deep we are in objects that stand for each other without being the same."""

    def add(self, path: str, kind: str, recorded: object, live: object) -> None:
        if self.strangers and (kind in ("enum", "empty") or recorded is None or live is None):
            kind = "value"
        self.found.append(Difference(path, kind, recorded, live))

    def walk(self, recorded: Any, live: Any, path: str = "$") -> None:
        """Compares two values at one place."""
        if isinstance(recorded, dict) and isinstance(live, dict):
            self.objects(recorded, live, path)
        elif isinstance(recorded, list) and isinstance(live, list):
            self.lists(recorded, live, path)
        elif kind_of(recorded) != kind_of(live):
            self.add(path, "type", recorded, live)
        elif isinstance(recorded, str) and {recorded, live} not in TIMELY:
            self.strings(recorded, live, path)
        elif not isinstance(recorded, str) and recorded != live and key_of(path) not in MEASURED:
            self.add(path, "enum" if key_of(path) in ENUMERATED else "value", recorded, live)

    def objects(self, recorded: dict[str, Any], live: dict[str, Any], path: str) -> None:
        if "__left_out__" in recorded or "__text__" in recorded:
            return
        names = {self.mapping.known.get(key, key): key for key in recorded}
        for name, key in names.items():
            if name in live:
                self.walk(recorded[key], live[name], f"{path}.{key}")
            else:
                self.add(f"{path}.{key}", "missing", recorded[key], None)
        for name in live.keys() - names.keys():
            self.add(f"{path}.{name}", "extra", None, live[name])

    def lists(self, recorded: list[Any], live: list[Any], path: str) -> None:
        if recorded and not live:
            self.add(path, "empty", recorded, live)
            return
        for index, item in enumerate(recorded):
            if isinstance(item, str) and item.endswith("left out"):
                return
            same = self.same(item, live, index)
            if same is not None:
                self.walk(item, same, f"{path}[]")
            elif (stranger := self.stranger(item, live)) is not None:
                self.strangers += 1
                self.walk(item, stranger, f"{path}[]")
                self.strangers -= 1

    def same(self, item: Any, live: list[Any], index: int) -> Any:
        """The live item that is the same thing: by known id, by name, else by place in a list of plain values."""
        if not isinstance(item, dict):
            return live[index] if index < len(live) else None
        keys = ("id",) if item.get("id") in self.mapping.known else TELLING
        for key in keys:
            wanted = self.mapping.known.get(str(item.get(key)), item.get(key))
            found = [other for other in live if isinstance(other, dict) and wanted and other.get(key) == wanted]
            if len(found) == 1:
                return found[0]
        if "schedule" in item:
            return next((other for other in live if rhythm(other) == rhythm(item)), None)
        return live[index] if self.in_place(item, index, live) else None

    def in_place(self, item: dict[str, Any], index: int, live: list[Any]) -> bool:
        """Whether place tells who is meant: objects without ids, or made by the request just sent."""
        alone = "id" in item and item["id"] not in self.mapping.known and len(live) == 1
        return index < len(live) and (alone or ("id" not in item and "prefect.resource.role" not in item))

    def stranger(self, item: Any, live: list[Any]) -> Any:
        """Another object of the same kind, whose keys and types must be the same at least."""
        role = item.get("prefect.resource.role") if isinstance(item, dict) else None
        alike = [other for other in live if isinstance(other, dict) and other.get("prefect.resource.role") == role]
        return next(iter(alike), None)

    def strings(self, recorded: str, live: str, path: str) -> None:
        if UUID.fullmatch(recorded) and UUID.fullmatch(live):
            if not self.strangers:
                self.mapping.learn(recorded, live)
            return
        key = key_of(path)
        if plain(recorded) == plain(live) or MOMENT.fullmatch(recorded):
            return
        if key in ("name", "token", "label", "prefect.resource.name") and GENERATED.fullmatch(recorded):
            if not self.strangers:
                self.mapping.learn_word(recorded, live)
            return
        counts = key in ENUMERATED or path.endswith(".state.name")
        self.add(path, "enum" if counts else "value", recorded, live)


def rhythm(schedule: dict[str, Any]) -> tuple[object, ...]:
    """What tells one schedule of a deployment from another: not its place, and not its anchor."""
    return tuple(schedule["schedule"].get(key) for key in ("cron", "interval", "rrule"))


def key_of(path: str) -> str:
    """The last key of a path."""
    return path.rpartition(".")[2].removesuffix("[]")


def plain(text: str) -> str:
    """A text without ids and moments."""
    return MOMENT.sub("<moment>", UUID.sub("<id>", text))


def kind_of(value: object) -> str:
    """The JSON type; all numbers are one."""
    if value is None or isinstance(value, bool):
        return str(type(value).__name__)
    return "number" if isinstance(value, int | float) else type(value).__name__
