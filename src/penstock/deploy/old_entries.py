"""From the plan of an upgrade to the entries of a project file: one for each deployment of a `deployment.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.job_templates import nested
from penstock.core.storage_steps import AZURE, code_steps
from penstock.core.upgrade_circumstances import counted_rules
from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradeState
from penstock.deploy.old_records import Filed

Step = dict[str, Any]
DIGEST = re.compile(r"[0-9a-f]{32}")
"""A version that `build` made of the flow's file; `deploy` makes today's."""
DEFAULT_QUEUE = "default"
PUSHED = {"pull_from_s3": "push_to_s3", "pull_from_gcs": "push_to_gcs"}
PUSHED |= {"pull_from_azure_blob_storage": "push_to_azure_blob_storage"}


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be: its values, and what there is to say about it. Without values it is left out."""

    filed: Filed
    upgrade: DeploymentUpgrade
    values: Mapping[str, Any] | None
    remarks: tuple[Remark, ...] = ()

    @property
    def full_name(self) -> str:
        return self.filed.file.full_name

    @property
    def pool(self) -> str:
        """The name of its pool; empty for one that is left out."""
        return str(self.values["work_pool"]["name"]) if self.values else ""


def entry_of(filed: Filed, upgrade: DeploymentUpgrade, root: str) -> NewEntry:
    """The entry of a deployment; `root` is where the project file stands, which is where runs start by default."""
    ends = counted_rules(str(one["schedule"].get("rrule") or "") for one in filed.file.schedules)
    remarks = tuple(dict.fromkeys((*filed.remarks, *upgrade.remarks, *ends)))
    if any(one.severity is Severity.ERROR for one in remarks):
        return NewEntry(filed, upgrade, None, remarks)
    if upgrade.state is UpgradeState.NOT_OF_AGENTS:
        pool, variables, pull = _of_workers(filed)
    else:
        assert upgrade.after is not None
        pool, variables = str(upgrade.after.work_pool_name), upgrade.after.job_variables
        pull = list(upgrade.after.pull_steps or [])
    return NewEntry(filed, upgrade, _values(filed, pool, variables, _where(pull, root)), remarks)


def _of_workers(filed: Filed) -> tuple[str, dict[str, Any], list[Step]]:
    """A deployment whose pool is one for workers already: it stays there; workers never looked at its block."""
    old = filed.old
    steps = code_steps(old.deployment.entrypoint, old.deployment.path, old.storage).steps
    return str(old.deployment.work_pool_name), nested(old.deployment.job_variables), list(steps)


def _values(filed: Filed, pool: str, variables: Mapping[str, Any], pull: list[Step]) -> dict[str, Any]:
    written = filed.file.values
    version = str(written["version"]) if written.get("version") else None
    queue = filed.old.deployment.work_queue_name
    place = {
        "name": pool,
        "work_queue_name": queue if queue != DEFAULT_QUEUE else None,
        "job_variables": dict(variables) or None,
    }
    values = {
        "name": written["name"],
        "version": None if version and DIGEST.fullmatch(version) else version,
        "tags": written.get("tags") or None,
        "description": written.get("description"),
        "entrypoint": filed.old.deployment.entrypoint,
        "parameters": written.get("parameters") or None,
        "enforce_parameter_schema": bool(written.get("enforce_parameter_schema")),
        "schedules": [_flat(one) for one in filed.file.schedules] or None,
        "paused": True if written.get("is_schedule_active") is False else None,
        "work_pool": {key: one for key, one in place.items() if one is not None},
        "push": push_steps(pull) or None,
        "pull": pull or None,
        "triggers": written.get("triggers") or None,
    }
    return {key: one for key, one in values.items() if one is not None}


def push_steps(pull: list[Step]) -> list[Step]:
    """The steps that upload what these fetch; none where there is no such step."""
    found = []
    for step in pull:
        for name, inputs in step.items():
            package, _, last = name.rpartition(".")
            if last in PUSHED and (package != AZURE or inputs.get("credentials")):
                kept = {key: one for key, one in inputs.items() if key not in ("id", "requires")}
                found.append({f"{package}.{PUSHED[last]}": kept})
    return found


def _where(pull: list[Step], root: str) -> list[Step]:
    """Without the step into the root itself: a deploy from there says so by itself, on every machine."""
    only = pull[0] if len(pull) == 1 else {}
    directory = next(
        (one.get("directory") for name, one in only.items() if name.endswith(".set_working_directory")), None
    )
    return [] if directory == root else pull


def _flat(one: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as project files have it: its times and whether it is active beside each other."""
    when = {key: value for key, value in one["schedule"].items() if value is not None}
    if when.get("day_or") is True:
        del when["day_or"]
    interval = when.get("interval")
    if isinstance(interval, float) and interval.is_integer():
        when["interval"] = int(interval)
    return {**when, "active": one["active"]}
