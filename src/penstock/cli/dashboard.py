"""`penstock dashboard`"""

from __future__ import annotations

import click

from penstock.cli.console import Failure, say
from penstock.cli.groups import Verbs
from penstock.settings import current


@click.group(cls=Verbs)
def dashboard() -> None:
    """The dashboard in the browser."""


@dashboard.command("open")
def open_dashboard() -> None:
    """Open the dashboard."""
    show_page("")


def show_page(path: str) -> None:
    """Opens a page of the dashboard. Raises Failure when no server is configured."""
    import webbrowser

    base = current().ui_url
    if not base:
        raise Failure("No server is configured; set PENSTOCK_API_URL or PENSTOCK_UI_URL.")
    url = f"{base.rstrip('/')}/{path}".rstrip("/")
    webbrowser.open_new_tab(url)
    say(f"Opened {url} in the browser.")
