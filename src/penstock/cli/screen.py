"""How wide the terminal is, and whether it is to have colours."""

from __future__ import annotations

import os
import sys

WIDEST_HELP = 100


def width_of_terminal() -> int:
    """Columns of the terminal, 80 without one; `shutil` knows this too, but takes long to import."""
    given = os.environ.get("COLUMNS", "")
    try:
        return int(given) if given.isdigit() else os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 80


def help_width() -> int:
    """Columns for help: longer lines are hard to read."""
    return max(50, min(width_of_terminal(), WIDEST_HELP) - 2)


def colors() -> bool | None:
    """What `click.echo` takes as `color`: False where a setting or NO_COLOR wants none, else the terminal says."""
    from penstock.settings import current

    return None if current().cli.colors and not os.environ.get("NO_COLOR") else False
