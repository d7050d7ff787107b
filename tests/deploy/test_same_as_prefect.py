"""The same project deployed by the real Prefect and by Penstock: what a server then holds is the same.

Both deploy to a real Prefect server. What differs on purpose and is kept out of these files: a flow without a
docstring gets no description (there: the text "None"), `*args` and `**kwargs` are no required parameters, and
references to blocks in job variables stay references (there: the secret itself is stored).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.live.api import Api
from tests.live.programs import Program, Shell, penstock, prefect
from tests.live.servers import running

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

VOLATILE = {"id", "created", "updated", "flow_id", "created_by", "updated_by", "last_polled", "status"}
VOLATILE |= {"work_queue_id", "deployment_id", "global_concurrency_limit_id", "owner_resource", "active_slots"}


@dataclass(frozen=True)
class Made:
    """What one program left on the server: deployments and automations by name."""

    deployments: dict[str, Any]
    automations: dict[str, Any]


def lasting(value: Any) -> Any:
    """Without what differs between any two deployments of the same thing."""
    if isinstance(value, dict):
        if value.get("description") == "None":  # what Prefect 3.8.8 makes of a flow without a docstring
            value = {**value, "description": None}
        return {key: lasting(one) for key, one in value.items() if key not in VOLATILE}
    if isinstance(value, str) and value.startswith("deployment:"):
        return "deployment:"  # the name of its limit holds its id
    return [lasting(one) for one in value] if isinstance(value, list) else value


def shown(value: Any) -> str:
    """One field per line, so that a difference can be read."""
    return json.dumps(value, indent=1, sort_keys=True)


def write(folder: Path, program: Program) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "flows.py").write_text(FLOWS)
    text = dedent(FILE).replace("- name: ", f"- name: {program.name}-").replace("NAME", program.name)
    (folder / "prefect.yaml").write_text(text)
    return folder


def deploy(shell: Shell, *arguments: str) -> str:
    done = shell.run("--no-prompt", "deploy", *arguments, TEAM="a-team")
    assert done.returncode == 0, done.stdout + done.stderr
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


@dataclass(frozen=True)
class Both:
    """Each program's deployments: made, and made a second time."""

    prefect: tuple[Made, Made]
    penstock: tuple[Made, Made]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    home = tmp_path_factory.mktemp("same")
    with running(prefect(), home / "server") as server:
        server.api.post("/variables/", {"name": "region", "value": "eu"})
        server.api.post("/work_pools/", {"name": "pool-a", "type": "process", "storage_configuration": {}})
        made = {}
        for program in (prefect(), penstock()):
            # The same folder, so that default pull steps can be compared.
            folder = write(home / "project", program)
            shell = server.shell(folder, program, home / program.name / "home")
            deploy(shell, "--all")
            first = found(server.api, program)
            deploy(shell, "--all")
            made[program.name] = (first, found(server.api, program))
        yield Both(made["prefect"], made["penstock"])


NAMES = ["full", "plain", "stepped", "default-pull"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("again", [0, 1], ids=["first", "again"])
def test_deployments(both: Both, name: str, again: int) -> None:
    theirs, ours = both.prefect[again].deployments[name], both.penstock[again].deployments[name]
    assert shown({key: ours[key] for key in theirs}) == shown(theirs)


@pytest.mark.parametrize("again", [0, 1], ids=["first", "again"])
def test_automations(both: Both, again: int) -> None:
    assert shown(both.penstock[again].automations) == shown(both.prefect[again].automations)
