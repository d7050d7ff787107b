"""The schedules of a deployment: made, changed, paused and deleted."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import InvalidRequest, NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.deployment_facts import read_named
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.schedule_forms import KINDS, UNITS, ScheduleForm, form_of, new_form, next_times, sent_form, words_of
from penstock.wire import deployments as wire
from penstock.wire.deployments import Deployment
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate


@page("GET", "/deployments/{id}/new-schedule")
async def ask(at: Reader, id: str) -> Reply:
    """The form of a new schedule."""
    deployment, name = await read_named(at.api, id_in(id))
    return _form(at, deployment, name, None, new_form())


@page("POST", "/deployments/{id}/new-schedule")
async def create(at: Reader, id: str) -> Reply:
    """Adds a schedule; or shows when it would be, or what does not fit."""
    deployment, name = await read_named(at.api, id_in(id))
    form, wanted = sent_form(at.form, at.now)
    if wanted is None or at.field("action") == "show":
        return _form(at, deployment, name, None, form, status=200 if at.field("action") == "show" else 422)
    body = DeploymentScheduleCreate(
        schedule=wanted.rule, active=wanted.active, max_scheduled_runs=wanted.most, parameters=wanted.parameters
    )
    try:
        await at.api.call(wire.create_schedules, [body], id=deployment.id)
    except PenstockError as error:
        return _form(at, deployment, name, None, form, status=error.status, fault=error.message)
    return _back(at, deployment.id, "The schedule was added.")


@page("GET", "/deployments/{id}/schedules/{schedule}")
async def show(at: Reader, id: str, schedule: str) -> Reply:
    """The form of a schedule."""
    deployment, name, one = await _read(at, id, schedule)
    return _form(at, deployment, name, one, form_of(one))


@page("POST", "/deployments/{id}/schedules/{schedule}")
async def save(at: Reader, id: str, schedule: str) -> Reply:
    """Changes a schedule; or shows when it would be, or what does not fit."""
    deployment, name, one = await _read(at, id, schedule)
    form, wanted = sent_form(at.form, at.now)
    if wanted is None or at.field("action") == "show":
        return _form(at, deployment, name, one, form, status=200 if at.field("action") == "show" else 422)
    update = DeploymentScheduleUpdate(
        schedule=wanted.rule, active=wanted.active, max_scheduled_runs=wanted.most, parameters=wanted.parameters
    )
    try:
        await at.api.call(wire.update_schedule, update, id=deployment.id, schedule_id=one.id)
    except PenstockError as error:
        return _form(at, deployment, name, one, form, status=error.status, fault=error.message)
    return _back(at, deployment.id, "The schedule was changed; its coming runs are planned anew.")


@page("GET", "/deployments/{id}/schedules/{schedule}/delete")
async def ask_to_delete(at: Reader, id: str, schedule: str) -> Reply:
    """Asks whether the schedule shall go."""
    deployment, name, one = await _read(at, id, schedule)
    path = f"/deployments/{deployment.id}"
    return at.render(
        "sure.html",
        title="Delete this schedule?",
        section="deployments",
        sentences=[f"{words_of(one)}, of the deployment {name}.", "Its coming runs go with it."],
        depends=[],
        depends_on="",
        action=f"{path}/schedules/{one.id}/delete",
        fields={"sure": "yes"},
        words="Delete the schedule",
        back=at.link(path, tab="schedules"),
        of=name,
    )


@page("POST", "/deployments/{id}/schedules/{schedule}/{action}")
async def change(at: Reader, id: str, schedule: str, action: str) -> Reply:
    """Pauses or resumes one schedule; or deletes it, for who has been asked."""
    deployment_id, schedule_id = id_in(id), id_in(schedule)
    if action == "delete":
        if at.field("sure") != "yes":
            return at.go(at.link(f"/deployments/{deployment_id}/schedules/{schedule_id}/delete"))
        await at.api.call(wire.delete_schedule, id=deployment_id, schedule_id=schedule_id)
        return _back(at, deployment_id, "The schedule was deleted.")
    if action not in ("pause", "resume"):
        raise InvalidRequest(f"{action!r} is nothing that can be done with a schedule.")
    update = DeploymentScheduleUpdate(active=action == "resume")
    await at.api.call(wire.update_schedule, update, id=deployment_id, schedule_id=schedule_id)
    said = "The schedule is active." if action == "resume" else "The schedule is paused; its coming runs are gone."
    return _back(at, deployment_id, said)


def _back(at: Reader, deployment_id: UUID, said: str) -> Reply:
    return at.go(at.link(f"/deployments/{deployment_id}", tab="schedules"), said)


async def _read(at: Reader, id: str, schedule: str) -> tuple[Deployment, str, DeploymentSchedule]:
    """The schedule, with its deployment and what that is called."""
    deployment, name = await read_named(at.api, id_in(id))
    wanted = id_in(schedule)
    for one in deployment.schedules:
        if one.id == wanted:
            return deployment, name, one
    raise NotFound(f"The deployment {deployment.name!r} has no schedule {schedule!r}.")


def _form(
    at: Reader,
    deployment: Deployment,
    name: str,
    one: DeploymentSchedule | None,
    form: ScheduleForm,
    *,
    status: int = 200,
    fault: str = "",
) -> Reply:
    path = f"/deployments/{deployment.id}"
    _, wanted = sent_form({name: [text] for name, text in form.texts.items()}, at.now)
    return at.render(
        "schedule.html",
        status,
        name=name,
        path=path,
        own=f"{path}/schedules/{one.id}" if one else f"{path}/new-schedule",
        one=one,
        form=form,
        fault=fault,
        kinds=KINDS,
        units=list(UNITS),
        times=next_times(wanted.rule, at.now) if wanted else [],
    )
