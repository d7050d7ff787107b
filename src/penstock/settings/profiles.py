"""The profiles file: named groups of settings, one of them active."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from penstock.errors import SettingInvalid

BUILT_IN: dict[str, dict[str, str]] = {
    "ephemeral": {"PENSTOCK_SERVER_EPHEMERAL_ENABLED": "true"},
    "local": {"PENSTOCK_API_URL": "http://127.0.0.1:4200/api"},
}
BUILT_IN_ACTIVE = "ephemeral"

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Profiles(NamedTuple):
    """What the file says, or the built-in profiles when there is none."""

    path: Path
    active: str = BUILT_IN_ACTIVE
    named: Mapping[str, Mapping[str, object]] = BUILT_IN

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        lines = [f"active = {_quoted(self.active)}"]
        for name, values in self.named.items():
            lines += ["", f"[profiles.{_key(name)}]"]
            lines += [f"{_key(setting)} = {_quoted(value)}" for setting, value in values.items()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.chmod(0o600)  # profiles hold keys
        fresh.replace(self.path)


def load(path: Path) -> Profiles:
    """Reads the file. Raises SettingInvalid when it is not TOML or has another shape."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Profiles(path)
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> Profiles:
    import tomllib

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingInvalid(f"The profiles file {path} is not valid TOML: {error}") from None
    named = content.get("profiles", {})
    if not isinstance(named, dict) or not all(isinstance(values, dict) for values in named.values()):
        raise SettingInvalid(f"The profiles file {path} must hold tables named [profiles.<name>]")
    return Profiles(path, str(content.get("active", BUILT_IN_ACTIVE)), named)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'
