"""The concurrency limits: how full they are and who holds them, made, changed, freed and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from penstock.errors import InvalidRequest, PenstockError
from penstock.server.bind import Reply
from penstock.ui.limit_facts import LimitGlance, glances
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.wire import limits as wire
from penstock.wire.limits import (
    GlobalLimitCreate,
    GlobalLimitUpdate,
    LeaseReturn,
    TagLimitCreate,
    TagLimitReset,
)
from penstock.wire.model import Criteria

PAGE = 50
KINDS = {"named": "Named limits", "tag": "Tags of tasks", "deployment": "Deployments"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds, as it was written."""

    kind: str = "named"
    name: str = ""
    limit: str = "1"
    decay: str = "0"
    active: bool = True

    def slots(self) -> int:
        """The number of slots. Raises ValueError with a sentence."""
        try:
            return int(self.limit)
        except ValueError:
            raise ValueError(f"{self.limit!r} is no whole number of slots.") from None

    def rate(self) -> float:
        """Slots that free themselves in a second. Raises ValueError with a sentence."""
        try:
            return float(self.decay or "0")
        except ValueError:
            raise ValueError(f"{self.decay!r} is no number of slots in a second.") from None


@page("GET", "/limits")
async def show_all(at: Reader) -> Reply:
    """A page of limits by name, in their groups; `after` says how many come before it."""
    passed = at.passed()
    found = await at.api.call(wire.filter_global_limits, Criteria(limit=PAGE + 1, offset=passed))
    shown = await glances(at.api, found[:PAGE])
    return at.render(
        "limits.html",
        groups=[(key, words, some) for key, words in KINDS.items() if (some := [x for x in shown if x.kind == key])],
        older=str(passed + PAGE) if len(found) > PAGE else "",
    )


@page("GET", "/limits/new")
async def ask(at: Reader) -> Reply:
    """The form of a new one."""
    kind = at.asked("kind", "named")
    return at.render("limit_new.html", draft=Draft(kind=kind if kind in ("named", "tag") else "named"), fault="")


@page("POST", "/limits/new")
async def create(at: Reader) -> Reply:
    """Makes it; what does not fit is said above the form, which keeps what was written."""
    draft = _draft(at)
    try:
        id = await _make(at, draft)
    except ValueError as error:
        return at.render("limit_new.html", 422, draft=draft, fault=str(error))
    except PenstockError as error:
        return at.render("limit_new.html", error.status, draft=draft, fault=error.message)
    return at.go(at.link(f"/limits/{id}"), f"The limit {draft.name} was made.")


@page("GET", "/limits/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a limit: who holds it, and the form that changes it."""
    one = await _read(at, id)
    limit = one.limit
    draft = Draft(one.kind, one.title, str(limit.limit), f"{limit.slot_decay_per_second:g}", limit.active)
    return at.render("limit.html", one=one, draft=draft, fault="")


@page("POST", "/limits/{id}")
async def update(at: Reader, id: str) -> Reply:
    """Changes it."""
    one, draft = await _read(at, id), _draft(at)
    try:
        change = GlobalLimitUpdate(limit=draft.slots(), slot_decay_per_second=draft.rate(), active=draft.active)
        if min(draft.slots(), draft.rate()) < 0:
            raise ValueError("A limit has no fewer than 0 slots, and frees no fewer than 0.")
        await at.api.call(wire.update_global_limit, change, id_or_name=one.limit.id)
    except ValueError as error:
        return at.render("limit.html", 422, one=one, draft=draft, fault=str(error))
    return at.go(at.link(f"/limits/{one.limit.id}"), f"The limit {one.title} was changed.")


@page("POST", "/limits/{id}/reset")
async def reset(at: Reader, id: str) -> Reply:
    """Frees all slots, whoever holds them."""
    one = await _read(at, id)
    if one.kind == "tag":
        await at.api.call(wire.reset_tag_limit, TagLimitReset(), tag=one.title)
    else:
        for held in one.holders:
            await at.api.call(wire.decrement_with_lease, LeaseReturn(lease_id=held.lease_id))
        await at.api.call(wire.update_global_limit, GlobalLimitUpdate(active_slots=0), id_or_name=one.limit.id)
    return at.go(at.link(f"/limits/{one.limit.id}"), f"All slots of {one.title} are free.")


@page("POST", "/limits/{id}/free")
async def free(at: Reader, id: str) -> Reply:
    """Gives back what one holder holds."""
    lease = id_in(at.field("lease"))
    await at.api.call(wire.decrement_with_lease, LeaseReturn(lease_id=lease))
    return at.go(at.link(f"/limits/{id_in(id)}"), "What it held is free.")


@page("POST", "/limits/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Deletes it; one of a deployment is changed with its deployment."""
    one = await _read(at, id)
    if one.deployment_id is not None:
        raise InvalidRequest("This limit belongs to a deployment. Deploy it without a concurrency limit to remove it.")
    await at.api.call(wire.delete_global_limit, id_or_name=one.limit.id)
    return at.go(at.link("/limits"), f"The limit {one.title} was deleted.")


async def _read(at: Reader, id: str) -> LimitGlance:
    found = await at.api.call(wire.read_global_limit, id_or_name=id_in(id))
    return (await glances(at.api, [found]))[0]


async def _make(at: Reader, draft: Draft) -> UUID:
    if draft.kind == "tag":
        tagged = TagLimitCreate(tag=draft.name, concurrency_limit=draft.slots())
        return (await at.api.call(wire.create_tag_limit, tagged)).id
    body = GlobalLimitCreate(
        name=draft.name, limit=draft.slots(), slot_decay_per_second=draft.rate(), active=draft.active
    )
    return (await at.api.call(wire.create_global_limit, body)).id


def _draft(at: Reader) -> Draft:
    kind = "tag" if at.field("kind") == "tag" else "named"
    return Draft(
        kind, at.field("name").strip(), at.field("limit").strip(), at.field("decay").strip(), at.field("active") != "no"
    )
