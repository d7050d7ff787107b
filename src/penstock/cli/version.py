"""`penstock version`"""

from __future__ import annotations

import platform

import click

from penstock.cli.tables import record


@click.command()
@click.option("--omit-integrations", is_flag=True, help="Without the packages beside Penstock.")
def version(omit_integrations: bool) -> None:
    """Versions of everything involved."""
    from penstock import __version__
    from penstock.client.client import API_VERSION
    from penstock.settings import resolve

    resolved = resolve()
    fields = {
        "Version": __version__,
        "API version": API_VERSION,
        "Python version": platform.python_version(),
        "OS/Arch": f"{platform.system().lower()}/{platform.machine()}",
        "Profile": resolved.profile,
        "Server": resolved.settings.api.url or ("own" if resolved.settings.server.ephemeral.enabled else "none"),
    }
    if not omit_integrations:
        fields |= _integrations()
    record(fields)


def _integrations() -> dict[str, str]:
    """Installed packages that register something with us."""
    from importlib.metadata import entry_points

    from penstock.plugins import INFRASTRUCTURES, RUNNERS, STEPS, STORAGES

    points = [point for group in (INFRASTRUCTURES, STORAGES, STEPS, RUNNERS) for point in entry_points(group=group)]
    packages = {point.dist.name: point.dist.version for point in points if point.dist}
    return {name: packages[name] for name in sorted(packages) if name != "penstock"}
