"""`penstock deploy` against a Penstock server: what it makes, what it changes, what it says when it can't."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.live.api import Api
from tests.live.programs import penstock
from tests.live.servers import Server, running

FLOWS = """
from penstock import flow

@flow
def hello(name: str = "world", n: int = 2):
    "Says hello."

@flow(name="slow one")
def slow(seconds: float = 1): ...

not_a_flow = 3
"""
NEEDED = 2
"""The exit code of a plan with something to do."""
# A package that only the worker has.
NEEDS = """
import a_package_only_the_worker_has
from penstock import flow

@flow(name="far away", version="3")
def remote(a: int, b: str = "x", *, c=None):
    "Runs elsewhere."
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("deploy") / "server") as live:
        made = live.shell(live.home).run("work-pool", "create", "pool-a", "--type", "process")
        assert made.returncode == 0, made.stderr
        live.api.post("/work_pools/", {"name": "old", "type": "prefect-agent"})
        live.api.post("/variables/", {"name": "region", "value": "eu"})
        yield live


class Project:
    """A folder with flows, and the command that deploys from it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.api: Api = server.api
        self.folder = folder
        self.shell = server.shell(folder)
        (folder / "flows.py").write_text(FLOWS)
        (folder / "needs.py").write_text(NEEDS)

    def write(self, text: str) -> None:
        (self.folder / "prefect.yaml").write_text(dedent(text))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.shell.run("--no-prompt", "deploy", *arguments, timeout=120, **environment)

    def deploy(self, *arguments: str, **environment: str) -> str:
        done = self.run(*arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refused(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def planned(self, code: int, *arguments: str) -> str:
        done = self.run("--plan", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/deployments/name/{name}")
        return found

    def exists(self, name: str) -> bool:
        return self.api.ask("GET", f"/deployments/name/{name}")[0] == 200


@pytest.fixture
def project(server: Server, tmp_path: Path) -> Project:
    return Project(server, tmp_path)


def test_made_and_changed(project: Project) -> None:
    project.write(
        """
        deployments:
        - name: one
          entrypoint: flows.py:hello
          tags: [a]
          parameters: {name: x, region: "{{ prefect.variables.region }}"}
          schedules:
          - {cron: "0 6 * * *", timezone: Europe/Rome, slug: six}
          work_pool: {name: pool-a, work_queue_name: fast, job_variables: {env: {T: "{{ $TEAM }}"}}}
        - name: two
          entrypoint: flows.py:slow
          concurrency_limit: 3
          work_pool: {name: pool-a}
        """
    )
    said = project.deploy("--all", TEAM="red")
    assert "'hello/one' created" in said
    assert "no parameter 'region'" in said
    one, two = project.read("hello/one"), project.read("slow%20one/two")
    assert one["parameters"] == {"name": "x", "region": "eu"}
    assert one["job_variables"] == {"env": {"T": "red"}}
    assert (one["work_pool_name"], one["work_queue_name"], one["description"]) == ("pool-a", "fast", "Says hello.")
    assert one["pull_steps"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": str(project.folder)}}
    ]
    assert two["global_concurrency_limit"]["limit"] == 3
    schedule = one["schedules"][0]["id"]

    project.deploy("-n", "one", "--cron", "1 1 1 1 *")
    assert len(project.read("hello/one")["schedules"]) == 2
    assert "'hello/one' updated" in project.deploy("-n", "one", "--tag", "b", "--param", "n=7", "-jv", "env.X=1")
    changed = project.read("hello/one")
    assert changed["id"] == one["id"]
    assert (changed["tags"], changed["job_variables"]) == (["b"], {"env.X": "1"})
    assert changed["parameters"] == {"name": "x", "region": "eu", "n": 7}
    assert [one["id"] for one in changed["schedules"]] == [schedule]


def test_a_plan_is_shown_and_nothing_done(project: Project) -> None:
    text = """
        build:
        - prefect.deployments.steps.run_shell_script: {script: touch built}
        deployments:
        - name: seen
          entrypoint: flows.py:hello
          tags: [a]
          concurrency_limit: 2
          schedules:
          - {interval: 60}
          - {cron: "0 6 * * *"}
          work_pool: {name: pool-a, job_variables: {env: {A: b}}}
        """
    project.write(text)
    assert "'hello/seen' would be created:" in project.planned(NEEDED)
    assert not project.exists("hello/seen")
    assert not (project.folder / "built").exists()
    project.deploy()
    assert "'hello/seen' is as planned." in project.planned(0)
    project.write(text.replace("[a]", "[a, b]").replace("limit: 2", "limit: 3").replace("60", "90").replace("A: b", ""))
    said = project.planned(NEEDED)
    assert "'hello/seen' would change:" in said
    assert '    + tags: "b"' in said
    assert "    ~ concurrency_limit: 2 -> 3" in said
    assert '    - job_variables.env.A: "b"' in said
    assert "    + schedules[every 90 s]: " in said
    assert "    - schedules[every minute]: " in said
    assert "Plan: 1 to change." in said
    assert project.read("hello/seen")["tags"] == ["a"]


def test_secrets_stay_references(project: Project) -> None:
    project.write(
        """
        deployments:
        - name: secretive
          entrypoint: flows.py:hello
          work_pool: {name: pool-a, job_variables: {env: {KEY: "{{ prefect.blocks.secret.never-read }}"}}}
          pull:
          - prefect.deployments.steps.git_clone:
              repository: https://example.org/x.git
              access_token: "{{ prefect.blocks.secret.never-read }}"
        """
    )
    project.deploy()
    stored = project.read("hello/secretive")
    assert stored["job_variables"]["env"]["KEY"] == "{{ prefect.blocks.secret.never-read }}"
    (step,) = stored["pull_steps"]
    assert step["prefect.deployments.steps.git_clone"]["access_token"] == "{{ prefect.blocks.secret.never-read }}"


def test_a_block_where_no_text_fits_is_named_by_its_id(project: Project) -> None:
    api = project.api
    schema = {"properties": {"creds": {"type": "object"}, "word": {"type": "string"}}}
    template = {"job_configuration": {"c": "{{ creds }}", "w": "{{ word }}"}, "variables": schema}
    api.ask("POST", "/work_pools/", {"name": "typed", "type": "process", "base_job_template": template})
    kind = api.get("/block_types/slug/secret")["id"]
    (shape, *_) = api.post("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    document = {"name": "vault", "data": {"value": "hush"}, "block_schema_id": shape["id"], "block_type_id": kind}
    made = api.post("/block_documents/", document)
    secret = "{{ prefect.blocks.secret.vault }}"
    project.write(
        f"""
        deployments:
        - name: by-id
          entrypoint: flows.py:hello
          work_pool: {{name: typed, job_variables: {{creds: "{secret}", word: "{secret}"}}}}
        """
    )
    assert "hush" not in project.deploy()
    stored = project.read("hello/by-id")["job_variables"]
    assert stored == {"creds": {"$ref": {"block_document_id": made["id"]}}, "word": secret}
    project.write(ONE.replace("pool-a", 'typed, job_variables: {creds: "{{ prefect.blocks.secret.nope }}"}'))
    assert "there is no block secret/nope" in project.refused()


def test_build_steps_give_what_templates_ask_for(project: Project) -> None:
    project.write(
        """
        build:
        - prefect.deployments.steps.run_shell_script: {id: sha, script: echo abc123}
        deployments:
        - name: built
          entrypoint: flows.py:hello
          version: "{{ sha.stdout }}"
          tags: ["{{ sha.stdout }}", "x-{{ sha.stdout }}", "{{ nobody.gives }}"]
          description: "{{ $NOBODY_SET }}"
          work_pool: {name: pool-a}
          pull:
          - prefect.deployments.steps.set_working_directory: {directory: "/srv/{{ sha.stdout }}/{{ at_run_time }}"}
          - prefect.deployments.steps.run_shell_script: {script: "echo {{ $OF_THE_WORKER }}"}
        """
    )
    said = project.deploy()
    assert "nothing gives {{ nobody.gives }}" in said
    assert "$NOBODY_SET is not set, so nothing stands in its place" in said
    assert "$OF_THE_WORKER is not set here, so the worker's environment must have it" in said
    stored = project.read("hello/built")
    assert (stored["version"], stored["tags"]) == ("abc123", ["abc123", "x-abc123"])
    assert stored["pull_steps"][0]["prefect.deployments.steps.set_working_directory"] == {
        "directory": "/srv/abc123/{{ at_run_time }}"
    }
    done = project.run("--output", "json")
    assert json.loads(done.stdout)["deployments"][0]["name"] == "hello/built"
    assert "abc123" in done.stderr  # what the step said


def test_a_folder_of_this_machine_is_doubted_where_jobs_run_in_images(project: Project) -> None:
    assert project.shell.run("work-pool", "create", "boxes", "--type", "docker").returncode == 0
    project.write(ONE.replace("wrong", "boxed").replace("pool-a", "boxes"))
    assert f"run in its image, which must have the code at {project.folder}" in project.deploy()
    project.write(ONE.replace("wrong", "boxed").replace("pool-a", "boxes") + "  pull: [{git_clone: {repository: x}}]")
    assert "in its image" not in project.deploy()


def test_no_secret_is_written_down(project: Project) -> None:
    api = project.api
    kind = api.get("/block_types/slug/secret")["id"]
    (shape, *_) = api.post("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    document = {"name": "door", "data": {"value": "sesame"}, "block_schema_id": shape["id"], "block_type_id": kind}
    api.post("/block_documents/", document)
    project.write(ONE + '  parameters: {name: "{{ prefect.blocks.secret.door }}"}')
    said = project.refused()
    assert "{{ prefect.blocks.secret.door }} is a secret, and would be stored in the deployment" in said
    assert "sesame" not in said


def test_what_a_file_refers_to_and_is_not_there_is_told(project: Project) -> None:
    project.write(
        """
        build:
        - prefect.deployments.steps.run_shell_script: {id: build_it, script: echo x}
        deployments:
        - name: doubtful
          entrypoint: flows.py:hello
          description: "{{ prefect.variables.nowhere }}"
          version: "{{ build-it.stdout }}"
          work_pool: {name: pool-a, job_variables: {env: {A: "{{ prefect.blocks.secret.nobody }}"}}}
          pull:
          - prefect.deployments.steps.run_shell_script: {script: "echo {{ prefect.variables.later }}"}
        """
    )
    said = project.deploy()
    assert "there is no variable 'nowhere', so nothing stands in its place." in said
    assert "there is no variable 'later' on the server yet." in said
    assert "there is no block secret/nobody on the server yet." in said
    assert "no step has the id 'build-it'; did you mean {{ build_it.stdout }}?" in said


def test_triggers_are_replaced(project: Project) -> None:
    entry = "deployments:\n- {name: triggered, entrypoint: 'flows.py:slow', work_pool: {name: pool-a}"
    project.write(entry + ", triggers: [{expect: [my.event], parameters: {seconds: 2}}]}")
    project.deploy()
    id = project.read("slow%20one/triggered")["id"]
    related = f"/automations/related-to/prefect.deployment.{id}"
    (automation,) = project.api.get(related)
    assert automation["name"] == "triggered__automation_1"
    assert automation["actions"][0]["parameters"] == {"seconds": 2}
    project.write(entry + "}")
    project.deploy()
    assert project.api.get(related) == []


def test_without_a_file_the_flags_say_all(project: Project) -> None:
    project.deploy("./flows.py:hello", "-n", "flagged", "-p", "pool-a", "--interval", "900", "-cl", "2")
    stored = project.read("hello/flagged")
    assert stored["schedules"][0]["schedule"]["interval"] == 900
    assert stored["global_concurrency_limit"]["limit"] == 2


def test_a_flow_that_only_the_worker_can_import_is_read_from_its_source(project: Project) -> None:
    said = project.deploy("needs.py:remote", "-n", "far", "-p", "pool-a")
    assert "No module named 'a_package_only_the_worker_has'" in said
    stored = project.read("far%20away/far")
    assert stored["parameter_openapi_schema"] == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "a": {"position": 0, "title": "a", "type": "integer"},
            "b": {"position": 1, "title": "b", "type": "string", "default": "x"},
            "c": {"position": 2, "title": "c", "default": None},
        },
        "required": ["a"],
    }
    assert (stored["version"], stored["description"]) == ("3", "Runs elsewhere.")


def test_the_entrypoint_may_stand_beside_the_file(project: Project) -> None:
    folder = project.folder / "deeper"
    folder.mkdir()
    (folder / "inner.py").write_text(FLOWS)
    text = "deployments:\n- {name: inner, entrypoint: 'inner.py:hello', work_pool: {name: pool-a}}"
    (folder / "prefect.yaml").write_text(text)
    project.deploy("--prefect-file", "deeper/prefect.yaml")
    (step,) = project.read("hello/inner")["pull_steps"]
    assert list(step.values()) == [{"directory": str(folder)}]


class InRepository:
    """A repository with a folder below its root."""

    def __init__(self, project: Project) -> None:
        (project.folder / ".git").mkdir()
        self.root, self.below = project.folder, project.folder / "jobs"
        self.below.mkdir()
        self.shell = replace(project.shell, folder=self.below)

    def deploy(self, *arguments: str) -> str:
        done = self.shell.run("--no-prompt", "deploy", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr


def test_below_the_root_of_a_repository_the_root_is_named(project: Project) -> None:
    at = InRepository(project)
    (at.below / "flows.py").write_text(FLOWS)
    text = "deployments:\n- {name: NAME, entrypoint: 'flows.py:hello', work_pool: {name: pool-a}}"
    (at.below / "prefect.yaml").write_text(text.replace("NAME", "below"))
    said = at.deploy()
    assert f"This is not the root of the repository, which is {at.root}" in said
    (step,) = project.read("hello/below")["pull_steps"]
    assert list(step.values()) == [{"directory": str(at.below)}]

    project.write(text.replace("NAME", "at-root"))
    assert f"Deploying from {at.root}" in at.deploy("--root")
    (step,) = project.read("hello/at-root")["pull_steps"]
    assert list(step.values()) == [{"directory": str(at.root)}]


def test_the_file_at_the_root_is_found(project: Project) -> None:
    at = InRepository(project)
    project.write("deployments:\n- {name: found, entrypoint: 'flows.py:hello', work_pool: {name: pool-a}}")
    assert f"Deploying from {at.root}" in at.deploy()
    assert project.exists("hello/found")


def test_a_file_elsewhere_keeps_entrypoints_where_the_command_is_given(project: Project) -> None:
    folder = project.folder / "settings"
    folder.mkdir()
    text = "deployments:\n- {name: from-here, entrypoint: 'flows.py:hello', work_pool: {name: pool-a}}"
    (folder / "prefect.yaml").write_text(text)
    project.deploy("--prefect-file", "settings/prefect.yaml")
    (step,) = project.read("hello/from-here")["pull_steps"]
    assert list(step.values()) == [{"directory": str(project.folder)}]


def test_names_and_patterns(project: Project) -> None:
    entry = "- {{name: {}, entrypoint: 'flows.py:{}', work_pool: {{name: pool-a}}}}"
    names = [("dev/x", "hello"), ("deploy-prod", "hello"), ("dep-prod", "slow"), ("other", "slow")]
    entries = [entry.format(name.replace("/", "-"), flow) for name, flow in names]
    project.write("\n".join(["deployments:", *entries]))

    def chosen(*arguments: str) -> set[str]:
        said = project.run("--plan", *(word for one in arguments for word in ("-n", one))).stdout
        return set(re.findall(r"Deployment '[^/]+/(.+?)'", said))

    assert chosen("slow/*") == {"dep-prod", "other"}
    assert chosen("dep*prod") == {"deploy-prod", "dep-prod"}
    assert chosen("*dev-x") == {"dev-x"}
    assert chosen("hel*/dep*") == {"deploy-prod"}
    assert chosen("hello/dev-x", "other") == {"dev-x", "other"}


def test_the_pool_of_the_file_comes_before_the_one_of_the_settings(project: Project) -> None:
    project.write(ONE.replace("wrong", "with-pool") + ONE.replace("wrong", "no-pool").partition("\n")[2])
    text = (project.folder / "prefect.yaml").read_text().rpartition("  work_pool")[0]
    (project.folder / "prefect.yaml").write_text(text)
    project.shell.run("work-pool", "create", "usual", "--type", "process")
    for name in ("with-pool", "no-pool"):
        project.deploy("-n", name, PENSTOCK_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME="usual")
    assert project.read("hello/with-pool")["work_pool_name"] == "pool-a"
    assert project.read("hello/no-pool")["work_pool_name"] == "usual"


def test_nothing_is_made_when_one_is_wrong(project: Project) -> None:
    project.write(
        """
        deployments:
        - {name: fine-one, entrypoint: "flows.py:hello", work_pool: {name: pool-a}}
        - {name: bad-one, entrypoint: "flows.py:helo", work_pool: {name: pool-a}}
        - {name: bad-two, entrypoint: "flows.py:hello", work_pool: {name: nope}}
        - {name: bad-three, entrypoint: "flows.py:hello", work_pool: {name: pool-a, job_variables: {env: 5}}}
        """
    )
    said = project.refused("--all")
    assert "prefect.yaml:4: deployment 'bad-one': 'flows.py:helo': there is no 'helo' in flows. Did you mean" in said
    assert "prefect.yaml:5: deployment 'bad-two': work_pool: there is no work pool 'nope'. Make it with" in said
    assert "prefect.yaml:6: deployment 'bad-three': work_pool.job_variables: env: 5 is not of type 'object'" in said
    assert not project.exists("hello/fine-one")


ONE = "deployments:\n- name: wrong\n  entrypoint: flows.py:hello\n  work_pool: {name: pool-a}\n"


@pytest.mark.parametrize(
    ("text", "arguments", "reason"),
    [
        (ONE.replace("pool-a", "old"), [], "the pool 'old' is for agents"),
        (ONE.replace("pool-a", "poola"), [], "there is no work pool 'poola'. Did you mean 'pool-a'?"),
        (ONE.replace("flows.py", "nope.py"), [], "there is no file nope.py"),
        (ONE.replace("hello", "not_a_flow"), [], "is a int, not a flow"),
        (ONE + "  schedule: {cron: '61 * * * *'}", [], "cron: '61 * * * *' can't be understood"),
        (ONE + "  schedule: {cron: '6 * *'}", [], "cron: '6 * *' has 3 fields; five are needed"),
        (ONE + "  schedule: {cron: '@daily', timezone: Europe/Rom}", [], "Did you mean Europe/Rome?"),
        (ONE + "  schedule: {interval: 0}", [], "must be more than zero"),
        (
            ONE + "  build: [{run_shell_script: {script: 'false'}}]",
            [],
            "prefect.yaml:5: deployment 'wrong': Step 'run_shell",
        ),
        (
            ONE + "  build: [{run_shell_script: {id: s, script: echo x}}]\n  parameters: {n: '{{ s.stdout }}'}",
            [],
            "prefect.yaml:6: deployment 'wrong': parameters: n: 'x' is not of type 'integer'",
        ),
        (ONE + "  parameters: {n: '{{ prefect.variables.regoin }}'}", [], "there is no variable 'regoin', so nothing"),
        (ONE.replace("pool-a", "pool-a, job_variables: {stream_output: 5}"), [], "stream_output: 5 is not of type"),
        (ONE.replace("pool-a", "pool-a, job_variables: {comand: x}"), [], "did you mean 'command'?"),
        (
            ONE + "  parameters: {n: many}",
            [],
            "prefect.yaml:5: deployment 'wrong': parameters: n: 'many' is not of type",
        ),
        (ONE + "  concurrency_limit: {limit: 1, collision_strategy: WAIT}", [], "'WAIT' is none of ENQUEUE"),
        (ONE + "  triggers: [{posture: Reactve}]", [], "triggers[0].posture: Input should be 'Reactive'"),
        (ONE + "  tags: 5\n  parameters: 5", [], "prefect.yaml:6: deployment 'wrong': parameters: expected a mapping"),
        (ONE.replace("wrong", "a/b"), [], "may not hold any of"),
        (ONE, ["--all", "-n", "x"], "not both"),
        (ONE, ["--param", "x"], "must be key=value"),
        ("a: [", [], "this YAML can't be read"),
        ("{}", [], "an entrypoint is needed, such as flows.py:hello; the flows here are flows.py:hello, flows.py:slow"),
        ("{}", ["flows.py:hello"], "a deployment needs a name"),
        ("{}", ["--prefect-file", "nope.yaml"], "There is no file nope.yaml."),
        ("{}", ["-n", "x", "-p", "pool-a"], "an entrypoint is needed"),
        (ONE.replace("  work_pool: {name: pool-a}\n", ""), [], "no work pool is named"),
    ],
)
def test_what_is_wrong_is_said(project: Project, text: str, arguments: list[str], reason: str) -> None:
    project.write(text)
    assert reason in project.refused(*arguments)
    assert not project.exists("hello/wrong")


def test_flags_say_nothing_to_several(project: Project) -> None:
    project.write(ONE.replace("wrong", "s1") + ONE.replace("wrong", "s2").removeprefix("deployments:\n"))
    assert "these are ignored: --tags" in project.deploy("--all", "-t", "x")
    assert project.read("hello/s1")["tags"] == []
