"""Finding implementations by entry point: infrastructures, storages, steps, task runners.

The built-in ones are registered by the package itself in the same groups, so that an outside
package is found in exactly the same way.
"""

from __future__ import annotations

from typing import Any

INFRASTRUCTURES = "penstock.infrastructures"
STORAGES = "penstock.storages"
STEPS = "penstock.steps"
RUNNERS = "penstock.runners"


def names(group: str) -> list[str]:
    """The registered names of a group, sorted."""
    from importlib.metadata import entry_points  # 4 MiB, which a program that asks for no plug-in does without

    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> Any | None:
    """The object registered under a name, or None; ImportError when its package is broken."""
    from importlib.metadata import entry_points

    found = list(entry_points(group=group, name=name))
    return found[0].load() if found else None
