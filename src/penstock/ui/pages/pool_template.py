"""A pool's job template: changed after a look at what differs, its versions, and the very job that it makes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from uuid import UUID

from penstock.errors import NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.pages.pools import render_pool
from penstock.ui.pool_facts import glance
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.schema_forms import json_object
from penstock.ui.template_forms import TemplateForm, refused, sent_template
from penstock.ui.template_versions import changed_lines, template_versions
from penstock.ui.templating import pretty
from penstock.wire import deployments, pool_templates, work_pools
from penstock.wire.deployments import Deployment
from penstock.wire.model import Criteria
from penstock.wire.pool_templates import JobPreview, JobQuery
from penstock.wire.work_pools import WorkPool, WorkPoolUpdate

MOST_OFFERED = 100


@page("GET", "/pools/{name}/template")
async def show(at: Reader, name: str) -> Reply:
    """The pool's tab."""
    return at.go(at.link(f"/pools/{segment(name)}", tab="template"))


@page("POST", "/pools/{name}/template")
async def change(at: Reader, name: str) -> Reply:
    """Shows what a changed template changes; writes it, for who has seen that."""
    pool = await at.api.call(work_pools.read_work_pool, name=name)
    sent = await sent_template(at.api, at.form, pool.base_job_template, pool.type)
    if at.field("action") == "show":
        return await _tab(at, pool, sent)
    if not sent.is_good:
        return await _tab(at, pool, sent, 422)
    lines = changed_lines(pool.base_job_template, sent.template)
    if not lines:
        return at.go(at.link(f"/pools/{segment(name)}", tab="template"), "The template is this already.")
    based_on = _mark(pool)
    if at.field("action") != "save" or at.field("based_on") != based_on:
        late = at.field("action") == "save"
        path = f"/pools/{segment(name)}"
        return at.render(
            "pool_template_review.html",
            409 if late else 200,
            pool=pool,
            path=path,
            lines=lines,
            text=pretty(sent.template),
            based_on=based_on,
            late=late,
        )
    try:
        await at.api.call(work_pools.update_work_pool, WorkPoolUpdate(base_job_template=sent.template), name=name)
    except PenstockError as error:
        sent, said = refused(sent, error)
        return await _tab(at, pool, sent, error.status, said)
    return at.go(
        at.link(f"/pools/{segment(name)}", tab="template"), "The template was changed. The next jobs are made by it."
    )


@page("GET", "/pools/{name}/templates/{number}")
async def version(at: Reader, name: str, number: str) -> Reply:
    """One version of the template, with what it changed."""
    pool, kept = await asyncio.gather(
        at.api.call(work_pools.read_work_pool, name=name), template_versions(at.api, name)
    )
    found = next((one for one in kept if str(one.number) == number), None)
    if found is None:
        raise NotFound(f"The pool {name!r} has no template number {number}.")
    return at.render(
        "pool_template_version.html",
        pool=pool,
        path=f"/pools/{segment(name)}",
        one=found,
        is_current=found.number == kept[0].number,
    )


@page("GET", "/pools/{name}/job")
async def job(at: Reader, name: str) -> Reply:
    """The job of a run with nothing of its own, or of a deployment's next one, with variables to try out."""
    offered = await at.api.call(
        deployments.filter_deployments,
        Criteria(work_pools={"name": {"any_": [name]}}, sort="NAME_ASC", limit=MOST_OFFERED),
    )
    chosen, text = _id(at.asked("deployment")), at.asked("variables")
    variables, fault = _variables(text)
    query = JobQuery(deployment_id=chosen, job_variables=variables)
    try:
        preview = await at.api.call(pool_templates.preview_job, query, name=name)
    except NotFound:
        raise
    except PenstockError as error:
        preview = JobPreview(job_configuration={}, faults=[error.message])
    return at.render(
        "pool_job.html",
        name=name,
        path=f"/pools/{segment(name)}",
        preview=preview,
        offered=[(one.id, _called(one)) for one in offered],
        chosen=chosen,
        variables=text,
        fault=fault,
    )


def _called(one: Deployment) -> str:
    """A deployment among others, of which several may have one name."""
    return f"{one.name} ({one.entrypoint.rpartition(':')[2]})" if one.entrypoint else one.name


def _variables(text: str) -> tuple[dict[str, Any], str]:
    try:
        return json_object(text, '{"env": {"A": "1"}}'), ""
    except ValueError as error:
        return {}, str(error)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _mark(pool: WorkPool) -> str:
    """Tells whether the template was changed meanwhile."""
    return hashlib.sha256(pretty(pool.base_job_template).encode()).hexdigest()[:16]


async def _tab(at: Reader, pool: WorkPool, form: TemplateForm, status: int = 200, fault: str = "") -> Reply:
    one, versions = await asyncio.gather(glance(at.api, pool), template_versions(at.api, pool.name))
    return render_pool(at, one, "template", status, form=form, versions=versions, fault=fault)
