"""Project files as people write them: malformed ones, and odd ones that are taken as they are meant.

Each is deployed by `test_odd_files`, and docs/odd-files.md has what is said about it. `ONE` stands for a
deployment that is as it should be, so that a file shows only what is odd about it.
"""

from __future__ import annotations

FLOWS = """
from penstock import flow


@flow
def hello(name: str = "world", n: int = 2): ...


class Jobs:
    @staticmethod
    @flow
    def nightly(): ...


def plain(): ...


count = 3
"""
BROKEN = "from penstock import flow\n\n@flow\ndef half(:\n"
FAILING = "from penstock import flow\n\nlimit = 1 / 0\n"

ONE = "deployments:\n- name: d\n  entrypoint: flows.py:hello\n  work_pool: {name: p}\n"
CLONE = "pull:\n- prefect.deployments.steps.git_clone:\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def step(name: str, inputs: str = "{}", section: str = "pull") -> str:
    """A file with one step."""
    return f"{section}:\n- {name}: {inputs}\n"


FILES: dict[str, dict[str, str | bytes]] = {
    "The file as a whole": {
        "an empty file": "",
        "only comments": "# nothing yet\n",
        "a list": "- name: d\n",
        "a text": "deploy everything\n",
        "not UTF-8": "name: caf\u00e9\n".encode("latin-1"),
        "a tab": "deployments:\n\t- name: d\n",
        "an open bracket": "deployments: [\n",
        "a template without quotes": ONE + "  version: {{ build.tag }}\n",
        "two documents": "name: shop\n---\nname: other\n",
        "an alias of nothing": "deployments: *all\n",
        "an anchor within itself": "x: &x [*x]\n",
        "aliases that grow without end": BOMB,
        "a very large file": "x: " + "y" * (1 << 20) + "\n",
        "nesting without end": "x: " + "[" * 5000 + "]" * 5000 + "\n",
        "a tag of another program": "x: !include other.yaml\n",
        "a merge of a text": "x: &x text\ndeployments:\n- <<: *x\n",
        "a key written twice": ONE + "  version: a\n  version: b\n",
        "a deployment without a list": "name: d\nentrypoint: flows.py:hello\n",
        "a deployment.yaml of an agent": "name: d\nflow_name: f\nentrypoint: f.py:f\ninfrastructure: {type: process}\n",
        "a misspelt key": "deployment:\n- name: d\n",
        "no deployments": "name: shop\n",
    },
    "Deployments": {
        "a mapping of deployments": "deployments:\n  nightly: {entrypoint: 'flows.py:hello'}\n",
        "a text for a deployment": "deployments: [nightly]\n",
        "a misspelt key": ONE.replace("entrypoint", "entrypont"),
        "a key of the pool, one level too high": ONE + "  job_variables: {env: {A: b}}\n",
        "a key that is not known at all": ONE + "  colour: blue\n",
        "no name": ONE.replace("name: d", "name: null"),
        "a word that YAML takes for false": ONE.replace("name: d", "name: no"),
        "a slash in the name": ONE.replace("name: d", "name: a/b"),
        "a mapping for the name": ONE.replace("name: d", "name: {first: d}"),
        "a list for the description": ONE + "  description: [a]\n",
        "tags that are a number": ONE + "  tags: 5\n",
        "a mapping among the tags": ONE + "  tags: [{a: b}]\n",
        "parameters as a list": ONE + "  parameters: [n, 4]\n",
        "a parameter of the wrong type": ONE + "  parameters: {n: many}\n",
        "a parameter that the flow has not": ONE + "  parameters: {nme: x}\n",
        "a text for true or false": ONE + "  enforce_parameter_schema: maybe\n",
        "a limit that is a text": ONE + "  concurrency_limit: few\n",
        "a limit of nothing": ONE + "  concurrency_limit: 0\n",
        "a limit with an unknown part": ONE + "  concurrency_limit: {limit: 1, strategy: ENQUEUE}\n",
        "an unknown collision strategy": ONE + "  concurrency_limit: {limit: 1, collision_strategy: WAIT}\n",
        "the same deployment twice": ONE + ONE.removeprefix("deployments:\n"),
        "an older name of job variables": ONE.replace("{name: p}", "{name: p, infra_overrides: {env: {A: b}}}"),
        "older names beside the pool": ONE.replace("work_pool: {name: p}", "work_pool_name: p\n  is_paused: true"),
        "sla": ONE + "  sla: [{name: x}]\n",
        "an unknown posture of a trigger": ONE + "  triggers: [{posture: Reactve, expect: [x]}]\n",
        "a trigger without a time": ONE + "  triggers: [{posture: Proactive, expect: [x], within: soon}]\n",
    },
    "Entrypoints": {
        "none": ONE.replace("  entrypoint: flows.py:hello\n", ""),
        "no function": ONE.replace("flows.py:hello", "flows.py"),
        "no such file": ONE.replace("flows.py", "flow.py"),
        "no such function": ONE.replace("hello", "helo"),
        "no flow": ONE.replace("hello", "count"),
        "a folder of Windows": ONE.replace("flows.py:hello", r"C:\work\flows.py:hello"),
        "a path of one machine": ONE.replace("flows.py", "/home/me/flows.py"),
        "no such module": ONE.replace("flows.py:hello", "shop.flows.hello"),
        "a file that is no Python": ONE.replace("flows.py:hello", "broken.py:half"),
        "a file that fails": ONE.replace("flows.py:hello", "failing.py:main"),
        "a number": ONE.replace("flows.py:hello", "5"),
    },
    "Schedules": {
        "both keys": ONE + "  schedule: {cron: '@daily'}\n  schedules: [{interval: 60}]\n",
        "a bare cron line": ONE + "  schedule: '*/5 * * * *'\n",
        "a bare word": ONE + "  schedule: daily at six\n",
        "three fields": ONE + "  schedules: [{cron: '6 * *'}]\n",
        "a minute too late": ONE + "  schedules:\n  - interval: 60\n  - cron: '61 * * * *'\n",
        "an interval of nothing": ONE + "  schedules: [{interval: 0}]\n",
        "an interval in words": ONE + "  schedules: [{interval: 5 minutes}]\n",
        "two kinds at once": ONE + "  schedules: [{cron: '@daily', interval: 60}]\n",
        "no kind": ONE + "  schedules: [{timezone: UTC}]\n",
        "a misspelt key": ONE + "  schedules:\n  - cron: '@daily'\n    timezon: UTC\n",
        "a misspelt zone": ONE + "  schedules:\n  - cron: '@daily'\n    timezone: Europe/Rom\n",
        "an anchor that is no date": ONE + "  schedules: [{interval: 60, anchor_date: monday}]\n",
        "an anchor for cron": ONE + "  schedules: [{cron: '@daily', anchor_date: '2026-01-01'}]\n",
        "a rule that is none": ONE + "  schedules: [{rrule: 'FREQ=OFTEN'}]\n",
        "a rule without end": ONE + "  schedules: [{rrule: 'FREQ=DAILY;COUNT=100000'}]\n",
        "keys of Prefect 3.0": ONE + "  schedules: [{cron: '@daily', catchup: false, max_active_runs: null}]\n",
        "a name for its runs": ONE + "  schedules: [{cron: '@daily', flow_run_name: x}]\n",
        "an older switch": ONE + "  schedule: {cron: '@daily'}\n  is_schedule_active: 5\n",
        "a number": ONE + "  schedules: [5]\n",
    },
    "Work pools and job variables": {
        "no pool": ONE.replace("  work_pool: {name: p}\n", ""),
        "no such pool": ONE.replace("{name: p}", "{name: pp}"),
        "the name alone": ONE.replace("{name: p}", "p"),
        "a list": ONE.replace("{name: p}", "[p]"),
        "a pool of agents": ONE.replace("{name: p}", "{name: agents}"),
        "a job variable beside the others": ONE.replace("{name: p}", "{name: p, image: x}"),
        "a misspelt job variable": ONE.replace("{name: p}", "{name: p, job_variables: {comand: x}}"),
        "a job variable that the pool does not have": ONE.replace("{name: p}", "{name: p, job_variables: {gpus: 1}}"),
        "a job variable of the wrong type": ONE.replace("{name: p}", "{name: p, job_variables: {env: 5}}"),
        "env as a list": ONE.replace("{name: p}", "{name: p, job_variables: {env: [{name: A, value: b}]}}"),
    },
    "Steps": {
        "a text for a step": "pull: [git_clone]\n" + ONE,
        "a text for all steps": "pull: git\n" + ONE,
        "two steps in one": "pull:\n- a.first: {}\n  a.second: {}\n" + ONE,
        "inputs beside the step": CLONE + "  repository: https://example.org/x.git\n" + ONE,
        "a text for the inputs": step("prefect.deployments.steps.git_clone", "x") + ONE,
        "a misspelt step": step("prefect.deployments.steps.get_clone", "{repository: x}") + ONE,
        "a misspelt step of Docker": step("prefect_docker.deployments.steps.build_image", section="build") + ONE,
        "a step that is nowhere": step("local", "{type: local}") + ONE,
        "an older name": step("prefect.projects.steps.git_clone_project", "{repository: 'https://x.org/y'}") + ONE,
        "a misspelt input": CLONE + "    repository: https://example.org/x.git\n    brnch: main\n" + ONE,
        "an input that is lacking": step("prefect.deployments.steps.set_working_directory") + ONE,
        "a branch and a commit": CLONE + "    {repository: 'https://x.org/y', branch: b, commit_sha: abcdef1}\n" + ONE,
        "a pipe without a shell": step("prefect.deployments.steps.run_shell_script", "{script: 'a | b'}") + ONE,
    },
    "Templates": {
        "braces that are not closed": ONE + "  description: built from {{ commit\n",
        "an expression": ONE + '  description: "{{ name | upper }}"\n',
        "an output that nothing gives": ONE + '  description: "{{ image }}"\n',
        "an environment variable that is not set": ONE + '  description: "{{ $NOWHERE_SET }}"\n',
        "a variable that is not there": ONE + '  description: "{{ prefect.variables.nowhere }}"\n',
        "a block that is not there": ONE + '  description: "{{ prefect.blocks.secret.nobody }}"\n',
        "a block without a name": ONE + '  description: "{{ prefect.blocks.secret }}"\n',
        "a block that a run will need": step(
            "prefect.deployments.steps.git_clone",
            "{repository: 'https://x.org/y', access_token: '{{ prefect.blocks.secret.nobody }}'}",
        )
        + ONE,
        "a step by another name": step(
            "prefect.deployments.steps.run_shell_script", "{id: build_it, script: echo}", "build"
        )
        + ONE
        + '  version: "{{ build-it.stdout }}"\n',
    },
}
