"""What people call a deployment by: its description and tags, in a form."""

from __future__ import annotations

from msgspec import UNSET

from penstock.server.bind import Reply
from penstock.ui.deployment_facts import read_named
from penstock.ui.reader import Reader, id_in, tags_in
from penstock.ui.routes import page
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment, DeploymentUpdate


@page("GET", "/deployments/{id}/edit")
async def ask(at: Reader, id: str) -> Reply:
    """The form."""
    deployment, name = await read_named(at.api, id_in(id))
    return at.render("deployment_edit.html", deployment=deployment, name=name, tags=_in_line(deployment))


@page("POST", "/deployments/{id}/edit")
async def save(at: Reader, id: str) -> Reply:
    """Changes what is not as it was: a field that was left alone may hold what its line can't say."""
    deployment = await at.api.call(wire.read_deployment, id=id_in(id))
    description, tags = at.field("description").replace("\r\n", "\n").strip(), at.field("tags").strip()
    body = DeploymentUpdate(
        description=UNSET if description == (deployment.description or "").strip() else description or None,
        tags=UNSET if tags == _in_line(deployment) else tags_in(tags),
    )
    await at.api.call(wire.update_deployment, body, id=deployment.id)
    return at.go(at.link(f"/deployments/{deployment.id}"), "The deployment was changed.")


def _in_line(deployment: Deployment) -> str:
    return ", ".join(deployment.tags).strip()
