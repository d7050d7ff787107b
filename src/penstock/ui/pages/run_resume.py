"""Resuming a run that waits for somebody to enter something: a form made of what it asks for."""

from __future__ import annotations

import json
from typing import Any

from penstock.errors import NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.markdown import parsed
from penstock.ui.pages.run import wants_input
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.schema_forms import Field, changed_values, fields_of
from penstock.wire import flow_runs
from penstock.wire.flow_runs import FlowRun, Resume
from penstock.wire.states import OrchestrationStatus


@page("GET", "/runs/{id}/resume")
async def ask(at: Reader, id: str) -> Reply:
    """The form; a run that waits for nothing of the kind is shown instead."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    if not wants_input(run):
        return at.go(at.link(f"/runs/{run.id}"), "The run does not wait for anything to be entered.", "bad")
    return await _form(at, run, fields_of(await _schema(at, run), {}))


@page("POST", "/runs/{id}/answer")
async def answer(at: Reader, id: str) -> Reply:
    """Hands what was entered to the run and lets it go on; what does not fit is said beside its field."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    back = at.link(f"/runs/{run.id}")
    if not wants_input(run):
        return at.go(back, "The run could not be resumed: it does not wait any more.", "bad")
    schema = await _schema(at, run)
    changed, fields = changed_values(fields_of(schema, {}), at.form, "i.")
    if any(field.fault for field in fields):
        return await _form(at, run, fields, status=422)
    entered = Resume(run_input={**_defaults(schema), **changed})
    verdict = await at.api.call(flow_runs.resume_flow_run, entered, id=run.id)
    if verdict.status is OrchestrationStatus.ACCEPT:
        return at.go(back, "The run was resumed with what you entered.")
    reason = (verdict.details.reason or "Its state does not allow it.").removeprefix("Reason: ")
    return await _form(at, run, fields, status=422, fault=f"The run was not resumed: {reason}")


async def _form(at: Reader, run: FlowRun, fields: list[Field], *, status: int = 200, fault: str = "") -> Reply:
    words = _plain(await _input(at, run, "description"))
    return at.render(
        "run_resume.html", status, run=run, fields=fields, asks=parsed(words) if words else None, fault=fault
    )


async def _schema(at: Reader, run: FlowRun) -> dict[str, Any]:
    """What is to be entered. Raises `NotFound` when the run has not said so."""
    text = await _input(at, run, "schema")
    schema = json.loads(text) if text else None
    if not isinstance(schema, dict):
        raise NotFound(
            "The run waits for something to be entered, but does not say what. "
            f"Resume it from Python with resume_flow_run({str(run.id)!r}, run_input={{...}})."
        )
    return schema


async def _input(at: Reader, run: FlowRun, part: str) -> str | None:
    """One of the texts that a pause keeps: its schema, or its description."""
    keys = (run.state.state_details.run_input_keyset if run.state else None) or {}
    if part not in keys:
        return None
    try:
        return await at.api.call(flow_runs.read_input, id=run.id, key=keys[part])
    except PenstockError:
        return None


def _plain(text: str | None) -> str | None:
    """The text of a description, which clients keep as JSON."""
    try:
        said = json.loads(text or "null")
    except ValueError:
        return text
    return said if isinstance(said, str) else text


def _defaults(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    known = properties.items() if isinstance(properties, dict) else ()
    return {name: raw["default"] for name, raw in known if isinstance(raw, dict) and "default" in raw}
