"""The places settings come from; each gives what it has, by path.

A value is kept as it was written, with its source and its name there, so that a bad one can be pointed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from penstock.errors import SettingInvalid
from penstock.settings import names
from penstock.settings.profiles import Profiles


class Found(NamedTuple):
    """A raw value: where from (`env`, `penstock.toml`, ...), and what it is called there."""

    raw: object
    source: str
    name: str


Layer = dict[str, Found]


def from_overrides(overrides: Mapping[str, object]) -> Layer:
    """Values given in code, by path or by name. Raises SettingInvalid for one that does not exist."""
    layer = {}
    for name, value in overrides.items():
        path = name if name in names.paths() else names.path_of(name)
        if path is None:
            raise SettingInvalid(_unknown(name, "the call", names.paths()))
        layer[path] = Found(value, "overrides", name)
    return layer


def from_environment(variables: Mapping[str, str], source: str = "env") -> Layer:
    """Variables by any accepted name. An empty one counts as not set."""
    ours = {
        name.upper(): name for name, value in variables.items() if value and name.upper().startswith(names.PREFIXES)
    }
    layer: Layer = {}
    if not ours:
        return layer
    for prefix in names.PREFIXES:
        for suffix, path in names.spellings().items():
            written = ours.get(prefix + suffix)
            if written and path not in layer:
                layer[path] = Found(variables[written], source, written)
    return layer


def from_dotenv(folder: Path) -> Layer:
    """`.env` in the folder, same names as in the environment."""
    try:
        text = (folder / ".env").read_text()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    return from_environment(_dotenv(text), ".env file")


def from_files(folder: Path) -> list[Layer]:
    """`penstock.toml` else `prefect.toml`, then `pyproject.toml`; strongest first."""
    layers = []
    for name in ("penstock.toml", "prefect.toml"):
        content = _toml(folder / name)
        if content is not None:
            layers.append(_flat(content, name, strict=name == "penstock.toml"))
            break
    tools = (_toml(folder / "pyproject.toml") or {}).get("tool", {})
    for tool in ("penstock", "prefect"):
        if tool in tools:
            layers.append(_flat(tools[tool], "pyproject.toml", strict=tool == "penstock"))
            break
    return layers


def from_profile(profiles: Profiles, name: str) -> Layer:
    """The values of a profile; what it holds for others than us is left alone."""
    values = profiles.named.get(name, {})
    texts = {key: value if isinstance(value, str) else _plain(value) for key, value in values.items()}
    return from_environment(texts, "profile")


def _plain(value: object) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _dotenv(text: str) -> dict[str, str]:
    variables = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1:
            value = value[1:-1]
        else:
            value = value.split(" #")[0].strip()
        variables[name.strip()] = value
    return variables


def _toml(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingInvalid(f"{path} is not valid TOML: {error}") from None


def _flat(table: Mapping[str, Any], source: str, *, strict: bool, prefix: str = "") -> Layer:
    layer: Layer = {}
    for key, value in table.items():
        path = prefix + key
        if path in names.paths():
            layer[path] = Found(value, source, path)
        elif isinstance(value, dict):
            layer |= _flat(value, source, strict=strict, prefix=f"{path}.")
        elif strict:
            raise SettingInvalid(_unknown(path, source, names.paths()))
    return layer


def _unknown(name: str, source: str, known: tuple[str, ...]) -> str:
    from penstock.names import nearest

    near = nearest(name, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return f"There is no setting `{name}` (from {source}){hint}"
