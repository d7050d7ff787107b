"""Steps in order: names, outputs, failures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import PenstockError, StepFailed
from penstock.steps.protocol import Place
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
        ([{"run_shell_script": {"script": "no-such-program"}}], "can't be run"),
        ([{"run_shell_script": {"script": "echo 'a"}}], "can't be split"),
        ([{"set_working_directory": {"directory": "nowhere"}}], "can't be entered"),
        ([{"pull_with_block": {"block_type_slug": "x", "block_document_name": "y"}}], "no API address"),
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
