"""Which flow, and what its deployment is called."""

from __future__ import annotations

from penstock.core import deployment_values
from penstock.deploy.flow_facts import FoundFlow, find_flows, read_flow
from penstock.deploy.wizard.answers import Answers, Scene
from penstock.deploy.wizard.asker import Asker, Choice, something
from penstock.errors import FlowNotFound

BY_HAND = "by hand"
DEFAULT_NAME = "default"


def ask_flow(asker: Asker, scene: Scene, answers: Answers) -> None:
    """The entrypoint, unless it is known; then the flow is loaded, so that a fault in it is met at once."""
    if answers.values.get("entrypoint"):
        answers.facts = read_flow(answers.values["entrypoint"], scene.folder)
        return
    found = [Choice(_entrypoint(one), (one.name, _entrypoint(one))) for one in find_flows(scene.folder)]
    if not found:
        asker.tell("No flow was found in this folder and those right below it.")
    while True:
        entrypoint = _chosen(asker, found)
        try:
            answers.facts = read_flow(entrypoint, scene.folder)
        except FlowNotFound as error:
            asker.tell(error.message)
            continue
        answers.values["entrypoint"] = entrypoint
        return


def _chosen(asker: Asker, found: list[Choice[str]]) -> str:
    if found:
        chosen = asker.choose("Flow", [*found, Choice(BY_HAND, ("another", "say where it is"))])
        if chosen != BY_HAND:
            return chosen
    return asker.text("Entrypoint, file.py:function", check=something)


def _entrypoint(flow: FoundFlow) -> str:
    return f"{flow.file.as_posix()}:{flow.function}"


def ask_name(asker: Asker, scene: Scene, answers: Answers) -> None:
    """The deployment's name, unless it is known."""
    if not answers.values.get("name"):
        answers.values["name"] = asker.text("Deployment name", default=DEFAULT_NAME, check=_a_name)


def _a_name(text: str) -> str:
    name = something(text)
    deployment_values.check_name({"name": name})
    return name
