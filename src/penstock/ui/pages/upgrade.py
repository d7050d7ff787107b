"""From agents to workers: every deployment that agents have or had to do with, and the plan of one, with its proof."""

from __future__ import annotations

from penstock.errors import NotFound
from penstock.server.bind import Reply
from penstock.ui.pool_facts import PoolGlance, glance
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.upgrade_details import SEVERITIES, block_words, evidence_of, other_types, remarks_of, target_of
from penstock.ui.upgrade_facts import STATES, Line, Survey, counts, plan_of, survey, waiting, wanted_by
from penstock.wire import deployments

PAGE = 50


@page("GET", "/upgrade")
async def show_all(at: Reader) -> Reply:
    """A page of the deployments by name; `after` says how many come before it."""
    wanted, passed = wanted_by(at), at.passed()
    if wanted.deployment:
        return at.go(at.link(f"/upgrade/{id_in(wanted.deployment)}"))
    found = await survey(at.api, wanted, runs_of=())
    fitting = [one for one in found.lines if wanted.fits(one)]
    chosen = [one for one in fitting if wanted.state in ("", one.state)]
    lines = chosen[passed : passed + PAGE]
    return at.render(
        "upgrade.html",
        lines=lines,
        waiting=await waiting(at.api, lines),
        older=str(passed + PAGE) if len(chosen) > passed + PAGE else "",
        wanted=wanted,
        counts=counts(fitting),
        every=len(fitting),
        states=STATES,
        found=found,
        ready=plan_of(one for one in fitting if one.state == "ready"),
    )


@page("GET", "/upgrade/of-pool")
async def of_pool(at: Reader) -> Reply:
    """How far the deployments of one agent pool are, in a line: a pool's page asks for it once it is shown."""
    found = await survey(at.api, runs_of=())
    name = at.asked("name")
    ours = [one for one in found.lines if one.agent_pool == name]
    found_in = {state: number for state, number in counts(ours).items() if number}
    told = ", ".join(f"{number} {STATES[state][0].lower()}" for state, number in found_in.items())
    can = "ready" in found_in or "rolled-back" in found_in
    return at.render("upgrade_of_pool.html", name=name, told=told, can=can)


@page("GET", "/upgrade/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The plan of one deployment: from where to where, what is made for it, and the proof that its job stays."""
    found, line = await find(at, id, with_runs=True)
    target = target_of(line, found)
    return at.render(
        "upgrade_one.html",
        line=line,
        type=wanted_by(at).type,
        other_types=[] if line.was else other_types(line),
        deployment=line.plan.old.deployment,
        states=STATES,
        severities=SEVERITIES,
        remarks=remarks_of(line),
        target=target,
        pool=await _glance(at, found, target.name) if target and not target.is_new else None,
        home=found.there.pools.get(line.agent_pool),
        new_blocks=[(one, block_words(one.data)) for one in line.plan.blocks],
        evidence=evidence_of(line, found),
    )


@page("GET", "/upgrade/{id}/state")
async def state(at: Reader, id: str) -> Reply:
    """How far it is, in a line: the deployment's page asks for it once it is shown."""
    _, line = await find(at, id)
    return at.render("upgrade_state.html", line=line, states=STATES)


async def find(at: Reader, id: str, *, with_runs: bool = False) -> tuple[Survey, Line]:
    """One deployment among all. Raises `NotFound` for one that is not there, or that agents never had to do with."""
    deployment_id = id_in(id)
    found = await survey(at.api, wanted_by(at), runs_of=[deployment_id] if with_runs else ())
    line = found.line(deployment_id)
    if line is None:
        one = await at.api.call(deployments.read_deployment, id=deployment_id)
        raise NotFound(f"The deployment {one.name!r} has nothing to do with agents, so there is nothing to upgrade.")
    return found, line


async def _glance(at: Reader, found: Survey, name: str) -> PoolGlance | None:
    pool = found.there.pools.get(name)
    return await glance(at.api, pool) if pool else None
