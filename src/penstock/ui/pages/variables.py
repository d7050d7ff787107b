"""The variables: found by name and tag, made, changed and deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from penstock.errors import PenstockError
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, id_in, tags_in
from penstock.ui.routes import page
from penstock.ui.templating import pretty
from penstock.wire import variables as wire
from penstock.wire.model import Criteria
from penstock.wire.variables import Variable, VariableCreate, VariableUpdate

PAGE = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds; `kind` is `text`, or `json` for everything else."""

    name: str = ""
    kind: str = "text"
    value: str = ""
    tags: str = ""

    def read(self) -> Any:
        """The value. Raises ValueError with a sentence for what is not JSON."""
        if self.kind == "text":
            return self.value
        try:
            return msgspec.json.decode(self.value)
        except msgspec.DecodeError as error:
            raise ValueError(f"The value is not JSON: {error}. For plain text, choose 'Text'.") from None


@page("GET", "/variables")
async def show_all(at: Reader) -> Reply:
    """A page of variables by name; `after` says how many come before it, as there are never very many."""
    passed, name, tag = at.passed(), at.asked("name")[:200], at.asked("tag")[:200]
    wanted: dict[str, Any] = {}
    if name:
        wanted["name"] = {"like_": name}
    if tag:
        wanted["tags"] = {"all_": [tag]}
    found = await at.api.call(
        wire.filter_variables, Criteria(variables=wanted, sort="NAME_ASC", limit=PAGE + 1, offset=passed)
    )
    return at.render(
        "variables.html",
        variables=[(one, _in_short(one.value)) for one in found[:PAGE]],
        older=str(passed + PAGE) if len(found) > PAGE else "",
        name=name,
        tag=tag,
    )


@page("GET", "/variables/new")
async def ask(at: Reader) -> Reply:
    """The form of a new one."""
    return _form(at, None, Draft(name=at.asked("name")))


@page("POST", "/variables/new")
async def create(at: Reader) -> Reply:
    """Makes it; what does not fit is said above the form, which keeps what was written."""
    draft = _draft(at)
    try:
        body = VariableCreate(name=draft.name, value=draft.read(), tags=tags_in(draft.tags))
        made = await at.api.call(wire.create_variable, body)
    except ValueError as error:
        return _form(at, None, draft, 422, str(error))
    except PenstockError as error:
        return _form(at, None, draft, error.status, error.message)
    return at.go(at.link("/variables"), f"The variable {made.name} was made.")


@page("GET", "/variables/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a variable, where it is changed."""
    one = await at.api.call(wire.read_variable, id=id_in(id))
    kind = "text" if isinstance(one.value, str) else "json"
    text = one.value if isinstance(one.value, str) else pretty(one.value)
    return _form(at, one, Draft(one.name, kind, text, ", ".join(one.tags)))


@page("POST", "/variables/{id}")
async def update(at: Reader, id: str) -> Reply:
    """Changes it."""
    one, draft = await at.api.call(wire.read_variable, id=id_in(id)), _draft(at)
    try:
        body = VariableUpdate(name=draft.name, value=draft.read(), tags=tags_in(draft.tags))
        await at.api.call(wire.update_variable, body, id=one.id)
    except ValueError as error:
        return _form(at, one, draft, 422, str(error))
    except PenstockError as error:
        return _form(at, one, draft, error.status, error.message)
    return at.go(at.link(f"/variables/{one.id}"), f"The variable {draft.name} was changed.")


@page("POST", "/variables/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Deletes it."""
    one = await at.api.call(wire.read_variable, id=id_in(id))
    await at.api.call(wire.delete_variable, id=one.id)
    return at.go(at.link("/variables"), f"The variable {one.name} was deleted.")


def _draft(at: Reader) -> Draft:
    kind = "json" if at.field("kind") == "json" else "text"
    return Draft(at.field("name").strip(), kind, at.field("value").replace("\r\n", "\n"), at.field("tags"))


def _form(at: Reader, one: Variable | None, draft: Draft, status: int = 200, fault: str = "") -> Reply:
    return at.render("variable.html", status, variable=one, draft=draft, fault=fault)


def _in_short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:119] + "…"
