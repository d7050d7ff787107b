"""The text of a Helm values file for agents as that of one for workers, with its comments where they can stay."""

from __future__ import annotations

import re
from typing import Any

from penstock.core.helm_values import AGENT, CHARTS, OF_ORION, WORKER, is_of_agents, worker_values
from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.deploy.yaml_text import as_flow, from_yaml, to_yaml
from penstock.errors import DeployFailed

_CONFIG = re.compile(rf"(?m)^(?P<indent>[ ]*){WORKER}:[ ]*\n(?:.*\n)*?(?P<line>(?P<inner>[ ]+)config:[ ]*\n)")


def translate_values(text: str, path: str, pool: str | None = None) -> tuple[str, list[Remark]]:
    """The values for the worker's chart as text. Raises `DeployFailed` when the file has none of the agent's."""
    values = from_yaml(text, path)
    if not is_of_agents(values):
        raise DeployFailed(f"{path} has no key 'agent': these are not values of the chart prefect-agent.")
    wanted, remarks = worker_values(values, pool)
    changed = _edited(text, wanted)
    if _read(changed) == wanted:
        return changed, remarks
    lost = "The file is written anew, because its lines could not be changed one by one; its comments are lost."
    return to_yaml(wanted) + "\n", [*remarks, Remark("C10", Severity.NOTE, path, lost, "Put them back where needed.")]


def _read(text: str) -> Any:
    try:
        return from_yaml(text, "")
    except DeployFailed:
        return None


def _edited(text: str, wanted: dict[str, Any]) -> str:
    """Line by line, for a file in the chart's own style; whether it came out right is for the caller to see."""
    renamed = {AGENT: WORKER, **OF_ORION, **CHARTS}
    keys = "|".join(map(re.escape, renamed))
    text = re.sub(rf"(?m)^([ ]*)({keys}):", lambda found: f"{found[1]}{renamed[found[2]]}:", text)
    text = re.sub(r"(?m)^([ ]*fullnameOverride:[ ]*['\"]?)prefect-agent\b", r"\1prefect-worker", text)
    text = re.sub(r"(?m)^([ ]*apiConfig:[ ]*)(['\"]?)orion\2", r"\1\2server\2", text)
    found = _CONFIG.search(text if text.endswith("\n") else text + "\n")
    return _with_config(text, found, wanted) if found else text


def _with_config(text: str, found: re.Match[str], wanted: dict[str, Any]) -> str:
    """With the pool and the type, the first two things of the worker's configuration."""
    chart = next(one for one in (wanted, *wanted.values()) if isinstance(one, dict) and WORKER in one)
    config, deeper = chart[WORKER]["config"], found["inner"] + "  "
    head, tail = text[: found.end("line")], text[found.end("line") :]
    end = re.search(rf"(?m)^[ ]{{0,{len(found['inner'])}}}[^ #\n]", tail)
    own, rest = (tail[: end.start()], tail[end.start() :]) if end else (tail, "")
    own = re.sub(r"(?m)^[ ]+(workPool|type):.*\n?", "", own)
    said = f"{deeper}workPool: {as_flow(config['workPool'])}\n{deeper}type: {as_flow(config['type'])}\n"
    return f"{head}{said}{own}{rest}"
