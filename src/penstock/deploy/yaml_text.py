"""Plain YAML in and out, for what is no project file, such as automations."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from penstock.errors import DeployFailed


def from_yaml(text: str, path: str) -> Any:
    """The values of a YAML text; `path` names it in the error. Raises `DeployFailed` when it is not YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise DeployFailed(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def to_yaml(value: Any) -> str:
    """Plain values as YAML, keys in their order."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    output = io.StringIO()
    yaml.dump(value, output)
    return output.getvalue().rstrip("\n")
