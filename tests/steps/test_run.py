"""Steps in order: names, outputs, failures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import PenstockError, StepFailed
from penstock.steps.find import find
from penstock.steps.protocol import Place
from penstock.steps.references import Filler
from penstock.steps.run import run_steps


async def fill(template: Any, known: Mapping[str, Any]) -> Any:
    """Replaces `<key>` by an output; the real templates are tested where they live."""
    return {key: known.get(value, value) if isinstance(value, str) else value for key, value in template.items()}


async def test_outputs_reach_later_steps_by_key_and_by_id(at: Place) -> None:
    outputs = await run_steps(
        [
            {"prefect.deployments.steps.run_shell_script": {"id": "say", "script": "echo hello"}},
            {},
            {
                "penstock.deployments.steps.run_shell_script": {
                    "script": "stdout",
                    "shell": True,
                    "stream_output": False,
                }
            },
        ],
        at,
        lambda template, known: fill(template, {**known, "stdout": f"printf '%s there' {known.get('stdout')}"}),
    )
    assert outputs["say"]["stdout"] == "hello"
    assert outputs["stdout"] == "hello there"


@pytest.mark.parametrize(
    "name",
    ["git_clone", "prefect.deployments.steps.git_clone", "prefect.deployments.steps.pull.git_clone"],
)
async def test_names_of_built_in_steps(at: Place, name: str) -> None:
    with pytest.raises(StepFailed, match="not an address"):
        await run_steps([{name: {"repository": "nonsense"}}], at, fill)


async def test_any_callable_can_be_a_step(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (at.start / "mysteps.py").write_text(
        "async def later(x):\n    return {'x': x + 1}\n\ndef now(x):\n    return {'y': x}\n\ndef none():\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(at.start))
    steps: list[dict[str, Any]] = [{"mysteps.later": {"x": 1}}, {"mysteps.now": {"x": "x"}}, {"mysteps.none": None}]
    assert await run_steps(steps, at, fill) == {"x": 2, "y": 2}
    sys.modules.pop("mysteps")


async def test_a_module_in_the_working_directory_can_hold_steps(at: Place) -> None:
    (at.start / "steps_of_the_project.py").write_text("def one(x):\n    return {'y': x}\n")
    assert await run_steps([{"steps_of_the_project.one": {"x": 1}}], at, fill) == {"y": 1}


@pytest.mark.parametrize(
    "name",
    [
        "prefect.deployments.steps.pull_from_remote_storage",
        "prefect.deployments.steps.pull_with_block",
        "prefect_aws.deployments.steps.push_to_s3",
        "prefect_aws.deployments.steps.pull_from_s3",
        "prefect_gcp.deployments.steps.push_to_gcs",
        "prefect_gcp.deployments.steps.pull_from_gcs",
        "prefect_gcp.deployment.steps.pull_from_gcs",
        "prefect_azure.deployments.steps.push_to_azure_blob_storage",
        "prefect_azure.deployments.steps.pull_from_azure_blob_storage",
        "penstock.steps.push_to_s3",
        "pull_from_s3",
    ],
)
async def test_steps_of_integrations_are_ours(name: str) -> None:
    found: Any = await find(name, ["a-package-that-nobody-has"])
    assert found.__module__.startswith("penstock.steps.")
    assert found.__name__ == name.rpartition(".")[2]


async def test_what_a_program_said_is_no_template(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what a step put out nor an environment variable is filled in a second time."""
    sly = "{{ prefect.blocks.secret.production }}"
    monkeypatch.setenv("SLY", sly)
    step = {"run_shell_script": {"script": "printf '%s' '{{ sly }}{{ $SLY }}'"}}
    outputs = await run_steps([step], at, Filler(None), outputs={"sly": sly})
    assert outputs["stdout"] == sly + sly


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"git_clon": {}}], "Did you mean 'git_clone'"),
        ([{"no.such.module": {}}], "can't be imported"),
        ([{"os.no_such_step": {}}], "has no step"),
        ([{"a": {}, "b": {}}], "one name"),
        ([{"git_clone": ["x"]}], "must be a mapping"),
        ([{"git_clone": {"what": 1}}], "what"),
        ([{"run_shell_script": {"script": "sh -c 'echo no >&2; exit 3'"}}], "exited with 3:\nno"),
        ([{"run_shell_script": {"script": "no-such-program"}}], "there is no program 'no-such-program' here"),
        ([{"run_shell_script": {"script": "ls", "directory": "nowhere"}}], "there is no folder nowhere"),
        ([{"run_shell_script": {"script": "echo 'a"}}], "can't be split"),
        ([{"set_working_directory": {"directory": "nowhere"}}], "can't be entered"),
        ([{"pull_with_block": {"block_type_slug": "x", "block_document_name": "y"}}], "no API address"),
        ([{"prefect_aws.deployments.steps.push_to_s4": {}}], "Did you mean 'push_to_s3'"),
        ([{"prefect_gcp.deployments.steps.pull_from_gcs": {"bucket": "b"}}], "folder"),
        ([{"push_to_s3": {"bucket": "b", "folder": "f", "credentials": "aws-credentials/x"}}], "must be a mapping"),
        ([{"pull_from_azure_blob_storage": {"container": "c", "folder": "f", "credentials": {}}}], "account_url"),
        ([{"pull_from_remote_storage": {"url": "file:///a/../b"}}], "upwards"),
        ([{"pull_from_remote_storage": {"url": "nosuch://a/b"}}], "Protocol not known: nosuch"),
        ([{"pull_from_remote_storage": {"url": "memory://no/thing"}}], "no files at memory://no/thing"),
        ([{"run_shell_script": {"script": "false\ntrue", "shell": True}}], "exited with 1"),
        ([{"pip_install_requirements": {"requirements_file": "none.txt"}}], "none.txt"),
    ],
    ids=str,
)
async def test_failures_name_the_step_and_the_cause(at: Place, steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(StepFailed, match=said):
        await run_steps(steps, at, fill)


async def test_each_step_is_told_and_none_runs_after_a_failure(at: Place) -> None:
    heard: list[tuple[str, bool]] = []

    def told(name: str, inputs: Mapping[str, Any], error: PenstockError | None) -> None:
        heard.append((name, error is None))

    steps = [{"run_shell_script": {"script": line}} for line in ("true", "false", "touch after")]
    with pytest.raises(StepFailed):
        await run_steps(steps, at, fill, told=told)
    assert heard == [("run_shell_script", True), ("run_shell_script", False)]
    assert list(at.start.iterdir()) == []


async def test_directories_are_relative_to_where_the_process_began(at: Place) -> None:
    (at.start / "one").mkdir()
    (at.start / "two").mkdir()
    steps = [{"set_working_directory": {"directory": name}} for name in ("one", "two")]
    outputs = await run_steps(steps, at, fill)
    assert outputs["directory"] == str(at.start / "two") == str(Path.cwd())


async def test_shell_script_options(at: Place) -> None:
    script = "printf '%s' $WHO"
    for options, said in (
        ({"env": {"WHO": "me"}, "expand_env_vars": True}, "me"),
        ({"env": {"WHO": "me"}}, "$WHO"),
        ({"env": {"WHO": "me"}, "shell": True}, "me"),
    ):
        outputs = await run_steps([{"run_shell_script": {"script": script, **options}}], at, fill)
        assert outputs["stdout"] == said
