"""The sections of the dashboard, in one list: the navigation, the keys and the help are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.ui import routes


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `sign` names its icon and marks its pages, `key` leads to it after a "g"."""

    path: str
    name: str
    sign: str
    key: str
    main: bool = False
    """Whether it stays in sight on a phone."""


SECTIONS = (
    Section("/", "Overview", "overview", "o", main=True),
    Section("/runs", "Runs", "runs", "r", main=True),
    Section("/deployments", "Deployments", "deployments", "d", main=True),
    Section("/pools", "Work pools", "pools", "p", main=True),
    Section("/flows", "Flows", "flows", "f"),
    Section("/blocks", "Blocks", "blocks", "b"),
    Section("/variables", "Variables", "variables", "v"),
    Section("/limits", "Limits", "limits", "l"),
    Section("/artifacts", "Artifacts", "artifacts", "a"),
    Section("/events", "Events", "events", "e"),
    Section("/upgrade", "Upgrade", "upgrade", "u"),
    Section("/server", "Server", "server", "s"),
)


def sections() -> list[Section]:
    """Those that have a page."""
    return [one for one in SECTIONS if routes.find("GET", one.path)[0] is not None]
