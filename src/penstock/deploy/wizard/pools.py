"""Which work pool; one is made where there is none that fits."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from penstock.client.client import Client
from penstock.client.pool_types import pool_types
from penstock.core.pool_types import AGENT_TYPE, PUSH
from penstock.deploy.wizard.answers import Answers, Scene
from penstock.deploy.wizard.asker import Asker, Choice, something
from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.wire import work_pools
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool, WorkPoolCreate

AT_ONCE = 200
USUAL = ("Runs each flow run ", "Starts each flow run ")
"""How most types describe themselves; in a list of them it says nothing."""
NEW: Choice[WorkPool | None] = Choice(None, ("a new one", "", ""))


def ask_pool(asker: Asker, scene: Scene, answers: Answers) -> None:
    """The pool, unless it is known. Pools of agents take no deployments of this kind and are not offered."""
    name = (answers.values.get("work_pool") or {}).get("name")
    if name:
        answers.pool = _read(scene.client, name)
        return
    pools = [one for one in _every_pool(scene.client) if one.type != AGENT_TYPE]
    if not pools:
        asker.tell("There is no work pool yet, so this deployment gets one.")
    answers.pool = _chosen(asker, pools) if pools else None
    if answers.pool is None:
        answers.new_pool = _new_pool(asker, scene.client)
        answers.pool = _as_it_will_be(answers.new_pool)
    answers.set_pool(name=answers.pool.name)


def _read(client: Client, name: str) -> WorkPool | None:
    """One that is not there is complained of when the plan is made."""
    try:
        return client.call(work_pools.read_work_pool, name=name)
    except NotFound:
        return None


def _every_pool(client: Client) -> list[WorkPool]:
    found: list[WorkPool] = []
    for offset in count(0, AT_ONCE):
        page = client.call(work_pools.filter_work_pools, Criteria(limit=AT_ONCE, offset=offset))
        found += page
        if len(page) < AT_ONCE:
            break
    return sorted(found, key=lambda pool: pool.name)


def _chosen(asker: Asker, pools: list[WorkPool]) -> WorkPool | None:
    rows: list[Choice[WorkPool | None]] = [Choice(pool, (pool.name, pool.type, _readiness(pool))) for pool in pools]
    return asker.choose("Work pool", [*rows, NEW])


def _readiness(pool: WorkPool) -> str:
    if pool.is_paused:
        return "paused"
    if pool.type.endswith(PUSH):
        return "needs no worker"
    return "a worker is online" if pool.status == "READY" else "no worker now"


def _new_pool(asker: Asker, client: Client) -> WorkPoolCreate:
    known = pool_types(client)
    kind = ask_type(asker, known, legacy=False)
    taken = {pool.name for pool in _every_pool(client)}
    name = asker.text(
        "Name of the pool", default=_free(f"my-{kind.replace(':', '-')}", taken), check=partial(_a_free_name, taken)
    )
    return WorkPoolCreate(name=name, type=kind, base_job_template=known[kind]["default_base_job_configuration"])


def _free(name: str, taken: set[str]) -> str:
    return next(one for number in count(1) if (one := name if number == 1 else f"{name}-{number}") not in taken)


def _a_free_name(taken: set[str], text: str) -> str:
    name = something(text)
    if name in taken:
        raise ValueError(f"there is a work pool {name!r} already")
    if "/" in name:
        raise ValueError("a slash can't be in a name")
    return name


def _as_it_will_be(pool: WorkPoolCreate) -> WorkPool:
    return WorkPool(id=new_id(), name=pool.name, type=pool.type, base_job_template=pool.base_job_template)


def ask_type(asker: Asker, known: dict[str, dict[str, Any]], *, legacy: bool) -> str:
    """One of the types; the simplest first, that of agents last and only where `legacy` allows it."""
    offered = [kind for kind in known if legacy or kind != AGENT_TYPE]
    ordered = sorted(offered, key=_rank)
    return asker.choose("Type of pool", [Choice(kind, (kind, _about(kind, known[kind]))) for kind in ordered])


def _rank(kind: str) -> tuple[bool, bool, bool, str]:
    return (kind == AGENT_TYPE, kind.endswith(PUSH), kind != "process", kind)


def _about(kind: str, about: dict[str, Any]) -> str:
    sentence = str(about.get("description") or about.get("display_name") or "").partition(". ")[0].rstrip(".")
    for usual in USUAL:
        sentence = sentence.removeprefix(usual)
    if kind == AGENT_TYPE:
        return f"legacy: {sentence}"
    return f"no worker: {sentence}" if kind.endswith(PUSH) else sentence
