"""The versions of a deployment: what each changed, and going back to one."""

from __future__ import annotations

from penstock.errors import NotFound
from penstock.server.bind import Reply
from penstock.ui.deployment_changes import change_lines, go_back, return_to, version_with_changes
from penstock.ui.deployment_facts import read_named
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.wire import deployments as wire
from penstock.wire import flows
from penstock.wire.deployment_versions import VERSION_LABEL
from penstock.wire.deployments import Deployment


@page("GET", "/deployments/{id}/versions/{number}")
async def show(at: Reader, id: str, number: str) -> Reply:
    """One version, with what it changed and what it was."""
    deployment, name = await read_named(at.api, id_in(id))
    one = await version_with_changes(at.api, deployment, _number(number))
    return at.render(
        "deployment_version.html",
        name=name,
        path=f"/deployments/{deployment.id}",
        one=one,
        is_current=str(deployment.labels.get(VERSION_LABEL)) == number,
    )


@page("GET", "/deployments/{id}/versions/{number}/rollback")
async def ask(at: Reader, id: str, number: str) -> Reply:
    """What going back to a version would do."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    return await _review(at, deployment, _number(number))


@page("POST", "/deployments/{id}/versions/{number}/rollback")
async def roll_back(at: Reader, id: str, number: str) -> Reply:
    """Goes back to a version, for who has seen what that does; else shows it anew."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    if at.field("current") != str(deployment.labels.get(VERSION_LABEL)):
        return await _review(at, deployment, _number(number), late=True)
    flow = await at.api.call(flows.read_flow, id=deployment.flow_id)
    wanted = (await version_with_changes(at.api, deployment, _number(number))).version
    await go_back(at.api, await return_to(at.api, deployment, flow.name, wanted), wanted)
    said = f"The deployment is what version {wanted.number} was; this made a new version."
    return at.go(at.link(f"/deployments/{deployment.id}", tab="versions"), said)


async def _review(at: Reader, deployment: Deployment, number: int, *, late: bool = False) -> Reply:
    flow = await at.api.call(flows.read_flow, id=deployment.flow_id)
    wanted = (await version_with_changes(at.api, deployment, number)).version
    made, kept = change_lines(await return_to(at.api, deployment, flow.name, wanted))
    return at.render(
        "deployment_rollback.html",
        409 if late else 200,
        name=f"{flow.name}/{deployment.name}",
        path=f"/deployments/{deployment.id}",
        wanted=wanted,
        made=made,
        kept=kept,
        late=late,
        current=deployment.labels.get(VERSION_LABEL),
    )


def _number(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10):
        raise NotFound(f"{text!r} is no version.")
    return int(text)
