"""The wizard for a new work pool: what starts its jobs, then its name, limit and job template, all on one form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from penstock.core.pool_types import AGENT_TYPE, PUSH, start_command
from penstock.errors import Conflict, PenstockError
from penstock.server.bind import Reply
from penstock.ui.pool_details import Details, sent_details
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.template_forms import TemplateForm, refused, sent_template, template_form
from penstock.wire import admin, work_pools
from penstock.wire.work_pools import WorkPool, WorkPoolCreate

FIRST = ("process", "docker", "kubernetes")
"""What most begin with."""


@dataclass(frozen=True, slots=True)
class PoolType:
    """A type of pool, and what it is for."""

    kind: str
    name: str
    description: str
    template: dict[str, Any]

    @property
    def pushes(self) -> bool:
        """Whether the server starts its runs itself."""
        return self.kind.endswith(PUSH)

    @property
    def is_legacy(self) -> bool:
        """Whether it is the one of agents."""
        return self.kind == AGENT_TYPE


@page("GET", "/pools/new")
async def choose(at: Reader) -> Reply:
    """The types; or, for one that the address names, the form."""
    types = await pool_types(at)
    chosen = types.get(at.asked("type"))
    if chosen is None:
        groups = [
            (
                "A worker runs them",
                "You start a worker where the jobs may run; it asks the server for runs.",
                _of(types),
            ),
            (
                "The server starts them",
                "No worker is needed: the server signs in and starts each job itself.",
                _of(types, pushes=True),
            ),
            (
                "The older generation",
                "For deployments of Prefect 2 that agents carry out.",
                [one for one in types.values() if one.is_legacy],
            ),
        ]
        return at.render("new_pool.html", groups=groups)
    return _form(at, chosen, Details(), await template_form(at.api, chosen.template, chosen.kind))


@page("POST", "/pools/new")
async def create(at: Reader) -> Reply:
    """Makes the pool; or shows the form again, with what does not fit, or with the JSON of the fields."""
    chosen = (await pool_types(at)).get(at.field("type"))
    if chosen is None:
        return at.go(at.link("/pools/new"), "Choose a type first.", "bad")
    details, sent = sent_details(at), await sent_template(at.api, at.form, chosen.template, chosen.kind)
    if at.field("action") == "show":
        return _form(at, chosen, details, sent)
    if details.faults or not sent.is_good:
        return _form(at, chosen, details, sent, status=422)
    try:
        pool = await at.api.call(work_pools.create_work_pool, _body(chosen, details, sent))
    except Conflict:
        taken = replace(details, faults=(("name", "There is a pool of this name already."),))
        return _form(at, chosen, taken, sent, status=409)
    except PenstockError as error:
        sent, said = refused(sent, error)
        return _form(at, chosen, details, sent, status=error.status, fault=said)
    return at.go(at.link(f"/pools/{segment(pool.name)}"), _made(pool))


async def pool_types(at: Reader) -> dict[str, PoolType]:
    """Every type that the server knows, in the order in which they are offered."""
    view = await at.api.call(admin.read_collection_view, view="aggregate-worker-metadata")
    found = {
        kind: PoolType(kind, about["display_name"], about["description"], about["default_base_job_configuration"])
        for package in view.values()
        for kind, about in package.items()
    }
    return {kind: found[kind] for kind in sorted(found, key=_rank)}


def _of(types: dict[str, PoolType], *, pushes: bool = False) -> list[PoolType]:
    return [one for one in types.values() if one.pushes is pushes and not one.is_legacy]


def _rank(kind: str) -> tuple[int, str]:
    plain = kind.removesuffix(PUSH)
    return (FIRST.index(plain) if plain in FIRST else len(FIRST), plain)


def _body(chosen: PoolType, details: Details, sent: TemplateForm) -> WorkPoolCreate:
    return WorkPoolCreate(
        name=details.name,
        type=chosen.kind,
        description=details.description or None,
        concurrency_limit=details.concurrency_limit,
        base_job_template=sent.template,
    )


def _made(pool: WorkPool) -> str:
    if start_command(pool.name, pool.type) is None:
        return f"The pool {pool.name} was made. The server starts its runs itself; no worker is needed."
    return f"The pool {pool.name} was made. Start {'an agent' if pool.type == AGENT_TYPE else 'a worker'} for it next."


def _form(
    at: Reader, chosen: PoolType, details: Details, form: TemplateForm, *, status: int = 200, fault: str = ""
) -> Reply:
    return at.render("new_pool_form.html", status, chosen=chosen, details=details, form=form, fault=fault)
