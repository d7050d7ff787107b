"""What changed in a pool's job template, from version to version, in lines to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from penstock.client.client import AsyncClient
from penstock.core.template_changes import TemplateChange, template_changes
from penstock.wire import pool_templates
from penstock.wire.pool_templates import PoolTemplate

LONGEST_VALUE = 160
MARKS = {"+": "added", "-": "removed", "~": "changed"}


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One place that differs; `mark` is its word, `before` and `after` are JSON, cut where they are long."""

    sign: str
    mark: str
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """A template that a pool has or had, and how it differs from the one before it."""

    number: int
    created: datetime
    template: dict[str, Any]
    lines: list[ChangedLine]
    is_first: bool


def changed_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ChangedLine]:
    """What differs, a line for each place."""
    return [_line(change) for change in template_changes(before, after)]


async def template_versions(api: AsyncClient, pool: str) -> list[TemplateVersion]:
    """The versions of a pool's template, the one in use first."""
    kept = await api.call(pool_templates.list_pool_templates, name=pool)
    return [_version(one, kept[place + 1] if place + 1 < len(kept) else None) for place, one in enumerate(kept)]


def _version(one: PoolTemplate, before: PoolTemplate | None) -> TemplateVersion:
    lines = changed_lines(before.base_job_template, one.base_job_template) if before else []
    return TemplateVersion(one.number, one.created, one.base_job_template, lines, before is None)


def _line(change: TemplateChange) -> ChangedLine:
    before = "" if change.sign == "+" else _text(change.before)
    after = "" if change.sign == "-" else _text(change.after)
    return ChangedLine(change.sign, MARKS[change.sign], change.path or "the whole", before, after)


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
