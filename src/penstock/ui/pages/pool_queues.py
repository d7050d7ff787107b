"""The queues of a pool: made, changed, paused and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock.errors import NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.pages.pools import paused_by
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.wire import work_pools, work_queues
from penstock.wire.work_queues import WorkQueue, WorkQueueCreate, WorkQueueUpdate


@dataclass(frozen=True, slots=True)
class QueueForm:
    """A queue as it is being edited, as text."""

    name: str = ""
    description: str = ""
    priority: str = ""
    limit: str = ""
    faults: tuple[tuple[str, str], ...] = ()

    def fault(self, name: str) -> str:
        """What is wrong with one of them."""
        return dict(self.faults).get(name, "")


@page("GET", "/pools/{name}/new-queue")
async def ask(at: Reader, name: str) -> Reply:
    """The form of a new queue."""
    await at.api.call(work_pools.read_work_pool, name=name)
    return _form(at, name, None, QueueForm())


@page("POST", "/pools/{name}/new-queue")
async def create(at: Reader, name: str) -> Reply:
    """Makes a queue."""
    sent = _sent(at)
    if not sent.faults:
        body = WorkQueueCreate(name=sent.name, **_values(sent))
        try:
            await at.api.call(work_queues.create_pool_queue, body, work_pool_name=name)
        except NotFound:
            raise
        except PenstockError as error:
            return _form(at, name, None, sent, error.status, error.message)
        return _back(at, name, f"The queue {sent.name} was made.")
    return _form(at, name, None, sent, 422)


@page("GET", "/pools/{name}/queues/{queue}")
async def show(at: Reader, name: str, queue: str) -> Reply:
    """The form of a queue."""
    found = await at.api.call(work_queues.read_pool_queue, work_pool_name=name, name=queue)
    limit = "" if found.concurrency_limit is None else str(found.concurrency_limit)
    return _form(at, name, found, QueueForm(found.name, found.description or "", str(found.priority), limit))


@page("POST", "/pools/{name}/queues/{queue}")
async def save(at: Reader, name: str, queue: str) -> Reply:
    """Changes a queue."""
    found = await at.api.call(work_queues.read_pool_queue, work_pool_name=name, name=queue)
    sent = _sent(at, otherwise=queue)
    if not sent.faults:
        update = WorkQueueUpdate(name=sent.name, **_values(sent))
        try:
            await at.api.call(work_queues.update_pool_queue, update, work_pool_name=name, name=queue)
        except PenstockError as error:
            return _form(at, name, found, sent, error.status, error.message)
        return _back(at, name, f"The queue {sent.name} was changed.")
    return _form(at, name, found, sent, 422)


@page("GET", "/pools/{name}/queues/{queue}/delete")
async def ask_to_delete(at: Reader, name: str, queue: str) -> Reply:
    """Asks whether the queue shall go."""
    await at.api.call(work_queues.read_pool_queue, work_pool_name=name, name=queue)
    path = f"/pools/{segment(name)}"
    return at.render(
        "sure.html",
        title=f"Delete the queue {queue}?",
        section="pools",
        sentences=["Its deployments and the runs that wait in it stay, without a queue: nobody takes them."],
        depends=[],
        depends_on="",
        action=f"{path}/queues/{segment(queue)}/delete",
        fields={"sure": "yes"},
        words="Delete the queue",
        back=at.link(path, tab="queues"),
        of=name,
    )


@page("POST", "/pools/{name}/queues/{queue}/{action}")
async def change(at: Reader, name: str, queue: str, action: str) -> Reply:
    """Pauses or resumes one of its queues; or deletes it, for who has been asked."""
    if action == "delete":
        if at.field("sure") != "yes":
            return at.go(at.link(f"/pools/{segment(name)}/queues/{segment(queue)}/delete"))
        await at.api.call(work_queues.delete_pool_queue, work_pool_name=name, name=queue)
        return _back(at, name, f"The queue {queue} was deleted.")
    paused = paused_by(action)
    await at.api.call(work_queues.update_pool_queue, WorkQueueUpdate(is_paused=paused), work_pool_name=name, name=queue)
    said = "is paused: its runs wait" if paused else "gives out runs again"
    return _back(at, name, f"The queue {queue} {said}.")


def _back(at: Reader, pool: str, said: str) -> Reply:
    return at.go(at.link(f"/pools/{segment(pool)}", tab="queues"), said)


def _sent(at: Reader, otherwise: str = "") -> QueueForm:
    name = at.field("name", otherwise).strip()
    priority, limit = at.field("priority").strip(), at.field("limit").strip()
    faults = []
    if not name:
        faults.append(("name", "A queue needs a name."))
    if priority and not (_is_number(priority) and int(priority)):
        faults.append(("priority", f"{priority!r} is no whole number of at least 1. Lower ones come first."))
    if limit and not _is_number(limit):
        faults.append(("limit", f"{limit!r} is no whole number of at least 0. Leave it empty for no limit."))
    return QueueForm(name, at.field("description").strip(), priority, limit, tuple(faults))


def _values(sent: QueueForm) -> dict[str, Any]:
    return {
        "description": sent.description,
        "priority": int(sent.priority) if sent.priority else None,
        "concurrency_limit": int(sent.limit) if sent.limit else None,
    }


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _form(at: Reader, pool: str, queue: WorkQueue | None, form: QueueForm, status: int = 200, fault: str = "") -> Reply:
    path = f"/pools/{segment(pool)}"
    own = f"{path}/queues/{segment(queue.name)}" if queue else f"{path}/new-queue"
    return at.render("pool_queue.html", status, pool_name=pool, path=path, own=own, queue=queue, form=form, fault=fault)
