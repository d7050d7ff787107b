"""The same project deployed by the real Prefect and by Penstock, from a file and from code: what a server then
holds is the same.

Both deploy to a real Prefect server. What differs on purpose and is kept out of these files: a flow without a
docstring gets no description (there: the text "None"), `*args` and `**kwargs` are no required parameters, and
references to blocks in job variables stay references (there: the secret itself is stored). A served deployment has
no pull steps (there: a source of its own becomes one when it is deployed again). A deployment of a file is labelled
with its project (there: no labels).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.live.api import Api
from tests.live.programs import Program, Shell, penstock, prefect
from tests.live.servers import Server, running

FLOWS = """
from __future__ import annotations

import datetime
import enum
import uuid
from typing import Literal, Optional, Union

try:
    from prefect import flow
except ImportError:
    from penstock import flow


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@flow
def hello(name: str = "world", n: int = 2):
    '''Says hello.

    Args:
        name: who to greet
        n: how often,
            at most
    '''


@flow(name="slow one", version="v9", description="takes its time")
def slow(seconds: float, xs: list[int] | None = None): ...


@flow
def typed(
    a: Optional[int],
    b: Union[int, str] = 1,
    c: Literal["x", "y"] = "x",
    d: Colour = Colour.RED,
    e: datetime.datetime | None = None,
    f: dict[str, list[float]] = {},
    g: bool = True,
    h: tuple[int, str] = (1, "a"),
    i: uuid.UUID | None = None,
    j: datetime.timedelta = datetime.timedelta(seconds=5),
    k=None,
): ...
"""

FILE = """
name: shop
prefect-version: 3.8.8

definitions:
  pool: &pool {name: pool-a}

pull:
- prefect.deployments.steps.git_clone:
    id: clone
    repository: https://example.org/{{ $TEAM }}.git
    branch: main
- prefect.deployments.steps.run_shell_script:
    script: echo hi
    directory: "{{ clone.directory }}"

deployments:
- name: full
  entrypoint: flows.py:hello
  version: abc
  description: my deployment
  tags: [yaml, "{{ $TEAM }}", "{{ prefect.variables.region }}"]
  parameters: {name: yaml, n: 4, region: "{{ prefect.variables.region }}"}
  enforce_parameter_schema: false
  concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW, grace_period_seconds: 120}
  schedules:
  - {cron: "0 0 * * *", timezone: America/Chicago, slug: nightly, parameters: {name: nightly}}
  - {interval: 3600, anchor_date: "2026-01-01T00:00:00+00:00", slug: hourly, active: false}
  - {rrule: "FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9;BYMINUTE=0;BYSECOND=0", slug: weekly}
  work_pool:
    <<: *pool
    work_queue_name: q2
    job_variables: {env: {FOO: bar, T: "{{ $TEAM }}"}, working_dir: /srv, unknown_one: [1, 2]}
- name: plain
  entrypoint: flows.py:slow
  work_pool: *pool
  parameters: {seconds: 3}
  schedule: {cron: "*/5 * * * *"}
  pull: []
- name: stepped
  entrypoint: flows.py:typed
  tags: ["v-{{ say.stdout }}"]
  parameters: {a: 1, k: "{{ say.stdout }}"}
  concurrency_limit: 3
  work_pool: *pool
  build:
  - prefect.deployments.steps.run_shell_script: {id: say, script: echo seven}
  triggers:
  - {expect: [my.event], match: {prefect.resource.id: "my.thing.*"}, parameters: {a: "{{ event.resource.id }}"}}
  - {name: NAME-second, enabled: false, expect: [x], threshold: 2, within: 30, schedule_after: 60}
- name: default-pull
  entrypoint: flows.py:hello
  work_pool: *pool
"""

CODE = """
import sys
from datetime import timedelta
from pathlib import Path

try:
    from prefect import serve
    from prefect.runner.storage import GitRepository
except ImportError:
    from penstock.deployments import GitRepository

from flows import hello, slow, typed

prefix = sys.argv[1]
here = str(Path.cwd())

hello.from_source(here, "flows.py:hello").deploy(
    f"{prefix}-pooled",
    work_pool_name="pool-a",
    cron="0 3 * * *",
    tags=["x"],
    parameters={"n": 4},
    work_queue_name="q2",
    job_variables={"env": {"A": "b"}},
    build=False,
)
hello.from_source(GitRepository(f"file://{here}/code.git", branch="main"), "flows.py:hello").deploy(
    f"{prefix}-cloned", work_pool_name="pool-a", build=False
)
typed.deploy(f"{prefix}-imaged", work_pool_name="images", image="registry.example/etl:1", build=False, push=False)
hello.to_deployment(f"{prefix}-served", cron="*/5 * * * *", tags=["srv"], paused=True).apply()
hello.from_source(here, "flows.py:hello").to_deployment(f"{prefix}-served-source").apply()
slow.to_deployment(
    f"{prefix}-often",
    interval=[timedelta(minutes=2), 60],
    parameters={"seconds": 2.5, "xs": [1]},
    concurrency_limit=2,
    description="d",
    version="v",
    enforce_parameter_schema=False,
).apply()
"""

VOLATILE = {"id", "created", "updated", "flow_id", "created_by", "updated_by", "last_polled", "status"}
VOLATILE |= {
    "anchor_date",
    "work_queue_id",
    "deployment_id",
    "global_concurrency_limit_id",
    "owner_resource",
    "active_slots",
}


@dataclass(frozen=True)
class Made:
    """What one program left on the server: deployments and automations by name."""

    deployments: dict[str, Any]
    automations: dict[str, Any]


def lasting(value: Any) -> Any:
    """Without what differs between any two deployments of the same thing."""
    if isinstance(value, dict):
        if str(value.get("anchor_date", "")) > "2026-01-02":  # an interval's default is when it was deployed
            value = {**value, "anchor_date": "now"}
        if value.get("description") == "None":  # what Prefect 3.8.8 makes of a flow without a docstring
            value = {**value, "description": None}
        kept = {key: lasting(one) for key, one in value.items() if key not in VOLATILE and not is_mark(key)}
        return {**kept, "pull_steps": kept["pull_steps"] or []} if "pull_steps" in kept else kept
    if isinstance(value, str) and value.startswith("deployment:"):
        return "deployment:"  # the name of its limit holds its id
    return [lasting(one) for one in value] if isinstance(value, list) else value


def is_mark(key: str) -> bool:
    """Whether a label says which project made the deployment."""
    return key.startswith("penstock.project")


def shown(value: Any) -> str:
    """One field per line, so that a difference can be read."""
    return json.dumps(value, indent=1, sort_keys=True)


def write(folder: Path, program: Program) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "flows.py").write_text(FLOWS)
    text = dedent(FILE).replace("- name: ", f"- name: {program.name}-").replace("NAME", program.name)
    (folder / "prefect.yaml").write_text(text)
    return folder


def deploy(shell: Shell, server: Server, *arguments: str) -> str:
    done = shell.run("--no-prompt", "deploy", *arguments, TEAM="a-team")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nThe server's log:\n{server.tail()}"
    return done.stdout + done.stderr


def found(api: Api, program: Program) -> Made:
    """What the program made; its own prefix of every name is taken off."""
    deployments, automations = (
        {one["name"]: one for one in json.loads(json.dumps(rows).replace(f"{program.name}-", ""))}
        for rows in (
            [one for one in api.post("/deployments/filter", {}) if one["name"].startswith(program.name)],
            [one for one in api.post("/automations/filter", {}) if one["name"].startswith(program.name)],
        )
    )
    return Made(lasting(deployments), lasting(automations))


FOREIGN = """
deployments:
- name: kept
  entrypoint: flows.py:hello
  work_pool: {name: pool-a}
  on_infrastructure_loss: reschedule
  reschedule_limit: 2
"""


@dataclass(frozen=True)
class Both:
    """Each program's deployments: made, and made a second time."""

    prefect: tuple[Made, Made]
    penstock: tuple[Made, Made]
    plan: subprocess.CompletedProcess[str]
    """What ours says to deploying a third time."""
    foreign: subprocess.CompletedProcess[str]
    """What ours says to what only a Penstock server can do."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    home = tmp_path_factory.mktemp("same")
    with running(prefect(), home / "server") as server:
        prepare(server.api)
        made = {}
        for program in (prefect(), penstock()):
            # The same folder, so that default pull steps can be compared.
            shell = server.shell(write(home / "project", program), program, home / program.name / "home")
            rounds = []
            for _ in range(2):
                deploy(shell, server, "--all")
                run_code(shell)
                rounds.append(found(server.api, program))
            made[program.name] = (rounds[0], rounds[1])
        plan = shell.run("--no-prompt", "deploy", "--all", "--plan", TEAM="a-team")
        (shell.folder / "foreign.yaml").write_text(FOREIGN)
        foreign = shell.run("--no-prompt", "deploy", "--all", "--prefect-file", "foreign.yaml")
        yield Both(made["prefect"], made["penstock"], plan, foreign)


def prepare(api: Api) -> None:
    api.post("/variables/", {"name": "region", "value": "eu"})
    api.post("/work_pools/", {"name": "pool-a", "type": "process", "storage_configuration": {}})
    template = {
        "job_configuration": {"image": "{{ image }}"},
        "variables": {"properties": {"image": {"type": "string"}}},
    }
    images = {"name": "images", "type": "docker", "base_job_template": template, "storage_configuration": {}}
    api.post("/work_pools/", images)


def run_code(shell: Shell) -> None:
    (shell.folder / "deploying.py").write_text(CODE)
    if not (shell.folder / "code.git").exists():
        make_repository(shell.folder)
    done = shell.python("deploying.py", shell.program.name)
    assert done.returncode == 0, done.stdout + done.stderr


def make_repository(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "flows.py").write_text(FLOWS)
    for words in ("-C code init -qb main", "-C code add .", "-C code commit -qm c", "clone -q --bare code code.git"):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *words.split()], cwd=folder, check=True)


NAMES = ["full", "plain", "stepped", "default-pull"]
NAMES += ["pooled", "cloned", "imaged", "served", "served-source", "often"]
ROUNDS = [(name, again) for name in NAMES for again in (0, 1) if (name, again) != ("served-source", 1)]


@pytest.mark.parametrize(("name", "again"), ROUNDS)
def test_deployments(both: Both, name: str, again: int) -> None:
    theirs, ours = both.prefect[again].deployments[name], both.penstock[again].deployments[name]
    assert shown({key: ours[key] for key in theirs}) == shown(theirs)


@pytest.mark.parametrize("again", [0, 1], ids=["first", "again"])
def test_automations(both: Both, again: int) -> None:
    assert shown(both.penstock[again].automations) == shown(both.prefect[again].automations)


def test_a_plan_against_prefect_says_nothing_to_do(both: Both) -> None:
    assert both.plan.returncode == 0, both.plan.stdout + both.plan.stderr
    assert "Nothing to do: 4 as planned." in both.plan.stdout


def test_what_prefect_can_not_do_is_said(both: Both) -> None:
    assert both.foreign.returncode == 1
    assert "on_infrastructure_loss, reschedule_limit: this is a Prefect server" in both.foreign.stderr
