"""What differs between two base job templates, path by path: shown before a pool's policy is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """One place that differs. `sign` is `+` for what comes, `-` for what goes, `~` for what is another."""

    sign: str
    path: str
    before: Any = None
    after: Any = None


def template_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[TemplateChange]:
    """Each difference once, at the deepest object that both have; lists are compared whole."""
    return list(_differences(before, after, ""))


def _differences(before: Any, after: Any, path: str) -> list[TemplateChange]:
    if before == after:
        return []
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [TemplateChange("~", path, before, after)]
    found: list[TemplateChange] = []
    for key in sorted({**before, **after}):
        place = f"{path}.{key}" if path else str(key)
        if key not in after:
            found.append(TemplateChange("-", place, before=before[key]))
        elif key not in before:
            found.append(TemplateChange("+", place, after=after[key]))
        else:
            found += _differences(before[key], after[key], place)
    return found
