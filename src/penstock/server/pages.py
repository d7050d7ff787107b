"""The paths outside the API of a server without the dashboard, and what a Prefect dashboard asks for first."""

from __future__ import annotations

from penstock.server.bind import Reply
from penstock.settings import Settings
from penstock.wire.model import encode

_LANDING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Penstock</title></head>
<body style="font-family: system-ui; max-width: 40rem; margin: 4rem auto">
<h1>Penstock</h1>
<p>This server is running. Its API is at <a href="{root}/health"><code>{root}</code></a>.</p>
<p>{dashboard}</p>
<p>Point a client at it: <code>PENSTOCK_API_URL=http://{address}{root}</code></p>
</body></html>
"""

SETTINGS_PATH = "/ui-settings"
_MISSING = (
    "To see its dashboard here, install it with <code>pip install 'penstock[ui]'</code> and start the server again."
)
_DISABLED = "Its dashboard is switched off (<code>server.ui.enabled</code>)."


def page(path: str, root: str, settings: Settings) -> Reply | None:
    """The page at a path, or None."""
    api = settings.server.api
    base = "/" + settings.server.ui.serve_base.strip("/")
    if path in (base, base.rstrip("/") + "/"):
        dashboard = _MISSING if settings.server.ui.enabled else _DISABLED
        text = _LANDING.format(root=root, address=f"{api.host}:{api.port}", dashboard=dashboard)
        return Reply(200, text.encode(), [], b"text/html; charset=utf-8")
    if path == base.rstrip("/") + SETTINGS_PATH:
        return Reply(200, _ui_settings(root, settings), [])
    return None


def _ui_settings(root: str, settings: Settings) -> bytes:
    api = settings.server.api
    return encode(
        {
            "api_url": settings.server.ui.api_url or settings.api.url or f"http://{api.host}:{api.port}{root}",
            "csrf_enabled": api.csrf_protection_enabled,
            "auth": "BASIC" if api.auth_string else None,
            "flags": [],
        }
    )
