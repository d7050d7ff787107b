"""Settings: every option by name, type and default, and where its value came from.

    settings = load()                      # what applies here and now
    settings.server.api.port               # 4200
    resolve().found["api.url"].source      # "env", "profile", ...

`shape.py` and `server.py` declare them; `docs/reference/settings.md` lists them.
"""

from penstock.settings.layers import Found
from penstock.settings.resolve import Resolved, current, forget, load, resolve, to_environment, using
from penstock.settings.server import Server
from penstock.settings.shape import Settings
from penstock.settings.values import Secret

__all__ = [
    "Found",
    "Resolved",
    "Secret",
    "Server",
    "Settings",
    "current",
    "forget",
    "load",
    "resolve",
    "to_environment",
    "using",
]
