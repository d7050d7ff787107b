"""What a pool is beside its template, as it is being edited: name, description, limit."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.names import is_allowed
from penstock.ui.reader import Reader

SHADOWED = "new"
"""The name whose page would be the wizard's."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a pool is beside its template, as text, with what is wrong with each."""

    name: str = ""
    description: str = ""
    limit: str = ""
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def concurrency_limit(self) -> int | None:
        """None for no limit."""
        return int(self.limit) if self.limit else None

    def fault(self, name: str) -> str:
        """What is wrong with one of them."""
        return dict(self.faults).get(name, "")


def sent_details(at: Reader, known: str | None = None) -> Details:
    """Description and limit that were sent, and the name, where it is not `known` already."""
    name, limit = at.field("name").strip() if known is None else known, at.field("limit").strip()
    faults = []
    if known is None and (not is_allowed(name) or name == SHADOWED):
        faults.append(("name", _name_fault(name)))
    if limit and not (limit.isdecimal() and len(limit) < 10):
        faults.append(("limit", f"{limit!r} is no whole number of at least 0. Leave it empty for no limit."))
    return Details(name, at.field("description").strip(), limit, tuple(faults))


def _name_fault(name: str) -> str:
    if not name:
        return "A pool needs a name."
    if name == SHADOWED:
        return f"{name!r} is what this page is called; choose another name."
    return f"{name!r} can't be a name: / % & > and < are not allowed in one."
