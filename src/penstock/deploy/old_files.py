"""`deployment.yaml`, the file of the agent generation: what `deployment build` wrote and `deployment apply` read.

A file has one deployment, or several as documents. It is checked as a whole, and each fault is told with its line.
What stands below its middle line was not meant to be edited, but is read all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penstock.core import schedules
from penstock.deploy.manifest import decoded, plain
from penstock.deploy.shapes import ANY, MAPPING, TEXT, TRUTH, Field, items, tags
from penstock.deploy.yaml_text import as_block
from penstock.deploy.yaml_tree import BadYaml, Block, Document, parse_documents
from penstock.errors import DeployFailed, ScheduleInvalid
from penstock.names import nearest

EDITABLE = (
    "name",
    "description",
    "version",
    "work_queue_name",
    "work_pool_name",
    "tags",
    "parameters",
    "schedule",
    "schedules",
    "is_schedule_active",
    "infra_overrides",
)
BELOW = (
    "flow_name",
    "manifest_path",
    "infrastructure",
    "storage",
    "path",
    "entrypoint",
    "parameter_openapi_schema",
    "timestamp",
    "triggers",
    "enforce_parameter_schema",
)
LISTS = Field(items)
KEYS: Mapping[str, Field] = {
    **dict.fromkeys(("name", "description", "version", "work_queue_name", "work_pool_name"), TEXT),
    "tags": Field(tags),
    **dict.fromkeys(("parameters", "schedule", "infra_overrides", "job_variables"), MAPPING),
    **dict.fromkeys(("schedules", "triggers"), LISTS),
    **dict.fromkeys(("is_schedule_active", "enforce_parameter_schema"), TRUTH),
    **dict.fromkeys(("flow_name", "manifest_path", "path", "entrypoint"), TEXT),
    **dict.fromkeys(("infrastructure", "storage", "parameter_openapi_schema"), MAPPING),
    "timestamp": ANY,
}
NEEDED = ("name", "flow_name")
OF_SCHEDULE = frozenset({"schedule", "active", "max_active_runs", "max_scheduled_runs", "catchup"})
MIDDLE = "\n###\n### DO NOT EDIT BELOW THIS LINE\n###\n"
QUEUE_COMMENT = "# The work queue that will handle this deployment's runs\n"
_LIKE_ONE = re.compile(r"^(flow_name|manifest_path):.*^(entrypoint|infrastructure):", re.MULTILINE | re.DOTALL)
_SOME_TIME = datetime(2020, 1, 1, tzinfo=UTC)
"""An interval without an anchor is checked as if it began here."""


@dataclass(frozen=True, slots=True)
class OldFile:
    """One deployment of a `deployment.yaml`: the keys that are written, as plain values, and where they stand."""

    values: Mapping[str, Any]
    path: Path
    line: int = 1
    lines: Mapping[str, int] = field(default_factory=dict)

    def place(self, key: str = "") -> str:
        """`file:line` of a key, else of the whole deployment."""
        return f"{self.path}:{self.lines.get(key, self.line)}"

    @property
    def full_name(self) -> str:
        """As commands name it: `flow/deployment`."""
        return f"{self.values['flow_name']}/{self.values['name']}"

    @property
    def overrides(self) -> dict[str, Any]:
        """What it changes of its infrastructure block, under either of the two names."""
        return dict(self.values.get("infra_overrides") or self.values.get("job_variables") or {})

    @property
    def schedules(self) -> list[dict[str, Any]]:
        """Each as `schedule` and `active`; the single one of older files is a list of one."""
        single = self.values.get("schedule")
        if single:
            return [{"schedule": dict(single), "active": self.values.get("is_schedule_active") is not False}]
        listed = self.values.get("schedules") or []
        return [{"schedule": one["schedule"], "active": one.get("active") is not False} for one in listed]


def read_old_files(path: Path) -> list[OldFile]:
    """The deployments of a file, in their order.

    Raises `DeployFailed` with every fault, each as `file:line: key: what was expected`.
    """
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:
        raise DeployFailed(f"{path} can't be read: {error.strerror}.") from None
    reader = _Reader(path)
    found = [reader.document(one) for one in _documents(text, path) if one.root and one.root.value is not None]
    if reader.faults:
        raise DeployFailed("\n".join(reader.faults))
    if not found:
        raise DeployFailed(f"{path} is empty. A deployment.yaml is written by `penstock deployment build`.")
    return found


def holds_deployments(path: Path) -> bool:
    """Whether a file looks like a `deployment.yaml`, whatever it is called; one that is no YAML may still be one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = parse_documents(text) if "flow_name" in text else []
    except (OSError, ValueError):
        return False
    except BadYaml:
        return bool(_LIKE_ONE.search(text))
    return any(one.root is not None and _is_old(one.root.value) for one in found)


def written(values: Mapping[str, Any]) -> str:
    """The text of a file with one deployment. A named block's fields go below the middle line: they can't be edited."""
    is_named = bool((values.get("infrastructure") or {}).get("_block_document_name"))
    editable = EDITABLE if is_named else (*EDITABLE, "infrastructure")
    head = f"###\n### A complete description of a Prefect Deployment for flow {values['flow_name']!r}\n###\n"
    return head + "".join(_lines(values, editable)) + MIDDLE + "".join(_lines(values, BELOW, without=editable))


def _lines(values: Mapping[str, Any], keys: tuple[str, ...], *, without: tuple[str, ...] = ()) -> Iterator[str]:
    for key in keys:
        if key not in without:
            comment = QUEUE_COMMENT if key == "work_queue_name" else ""
            yield f"{comment}{as_block({key: values.get(key)}, nulls=True)}\n"


def _documents(text: str, path: Path) -> list[Document]:
    try:
        return parse_documents(text)
    except BadYaml as error:
        raise DeployFailed(f"{path}:{error.line}: this YAML can't be read: {error.reason}.") from None


def _is_old(value: Any) -> bool:
    names = value.keys() if isinstance(value, Block) else set()
    return {"name", "flow_name"} <= names and bool({"entrypoint", "manifest_path"} & names)


class _Reader:
    """Collects faults while it turns documents into plain values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[str] = []

    def document(self, document: Document) -> OldFile:
        value = document.root.value if document.root else None
        if not isinstance(value, Block):
            self.fault(document.begins, "a deployment is a mapping with name, flow_name and entrypoint.")
            return OldFile({}, self.path)
        if "deployments" in value:
            self.fault(value.lines["deployments"], "this is a project file; deploy it with `penstock deploy`.")
            return OldFile({}, self.path)
        values = dict(self.known(value))
        for key in NEEDED:
            if not values.get(key):
                self.fault(value.lines.get(key, value.line), f"a deployment needs {key}.")
        if not (values.get("entrypoint") or values.get("manifest_path")):
            self.fault(value.line, "a deployment needs entrypoint, as path/to/file.py:function.")
        self.two_names(value, values)
        self.times(value, values)
        return OldFile(plain(values), self.path, value.line, value.lines)

    def known(self, value: Block) -> Iterator[tuple[str, Any]]:
        """The keys that there are, each of the kind that it must be; others are faults."""
        for key, one in value.items():
            shape = KEYS.get(key)
            if shape is None:
                meant = nearest(key, KEYS)
                hint = f" Did you mean {meant}?" if meant else ""
                self.fault(value.lines[key], f"{key} is no key of a deployment.yaml.{hint}")
                continue
            try:
                yield key, None if one is None else shape.taken(one)
            except ValueError as error:
                self.fault(value.lines[key], f"{key}: expected {error}, not {plain(one)!r}.")

    def two_names(self, value: Block, values: Mapping[str, Any]) -> None:
        older, newer = values.get("infra_overrides"), values.get("job_variables")
        if older and newer and older != newer:
            line = value.lines["job_variables"]
            self.fault(line, "job_variables and infra_overrides are two names of one thing, and differ here.")
        if values.get("schedule") and values.get("schedules"):
            self.fault(value.lines["schedule"], "give schedule or schedules, not both.")

    def times(self, value: Block, values: Mapping[str, Any]) -> None:
        """Whether each schedule has dates."""
        if isinstance(values.get("schedule"), Mapping) and values["schedule"]:
            self.check_times(values["schedule"], value.lines["schedule"], "schedule")
        for number, one in enumerate(values.get("schedules") or ()):
            line, label = getattr(one, "line", value.lines["schedules"]), f"schedules[{number}]"
            if not isinstance(one, Mapping) or not isinstance(one.get("schedule"), Mapping):
                self.fault(line, f'{label}: expected a mapping such as {{schedule: {{cron: "0 6 * * *"}}}}.')
                continue
            for key in one.keys() - OF_SCHEDULE:
                meant = nearest(key, OF_SCHEDULE)
                hint = f" Did you mean {meant}?" if meant else ""
                self.fault(line, f"{label}: {key} is no key of a schedule.{hint}")
            self.check_times(one["schedule"], line, label)

    def check_times(self, when: Mapping[str, Any], line: int, label: str) -> None:
        try:
            schedules.parse({key: one for key, one in when.items() if one is not None}, now=_SOME_TIME)
        except ScheduleInvalid as error:
            self.fault(line, f"{label}: {error.message}")

    def fault(self, line: int, words: str) -> None:
        self.faults.append(f"{self.path}:{line}: {words}")
