"""The table of an upgrade's figures."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS = (
    ("plan", "`upgrade plan`"),
    ("verify", "`upgrade verify`"),
    ("rollback of a part", "`upgrade rollback`, of what the killed one had moved"),
    ("apply", "`upgrade apply`"),
    ("apply again", "… again, with nothing to do"),
    ("rollback", "`upgrade rollback`"),
)


def upgrade_table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """What each command took, and what kill -9 left."""
    rows = ["| command | s | its CPU (s) | its peak (MiB) | server's CPU (s) | server after it (MiB) |"]
    rows.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, title in COMMANDS:
        one = figures[name]
        values = " | ".join(f"{one[key]:g}" for key in ("s", "cpu_s", "mib", "server_cpu_s", "server_mib"))
        rows.append(f"| {title} | {values} |")
    before, left = figures["before"], figures["killed"]
    told = (
        f"{before['deployments']:,.0f} deployments; the machine's load was {before['load']:g} before."
        f" After kill -9 in the middle of `upgrade apply` {left['old']:g} were as before, {left['new']:g} upgraded,"
        f" {left['half']:g} half of each."
    )
    return "\n".join([*rows, "", told])
