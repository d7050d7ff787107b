"""`penstock deploy` and its relations at a real terminal: what is seen, what is asked, what is left behind."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.programs import penstock
from tests.live.servers import Server, running
from tests.live.terminal import DOWN, END_OF_INPUT, ENTER, ERASE, INTERRUPT, Terminal, open_terminal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "wizard.md"
FLOWS = """
from penstock import flow

@flow
def hello(name: str = "world"):
    "Says hello."

@flow(name="slow one")
def slow(seconds: float = 1): ...
"""
NOTHING = "Nothing was changed."
INTERRUPTED = 130

Script = list[tuple[str, list[str]]]
"""A text that is seen, and the keys that are pressed then."""

# Every kind of question: a pool made on the spot, an image, a private repository, a schedule.
EVERYTHING: Script = [
    ("? Flow", [ENTER]),
    ("? Deployment name", ["nightly", ENTER]),
    ("? Type of pool", ["docker", ENTER]),
    ("? Name of the pool", ["boxes", ENTER]),
    ("? Build an image for it?", ["y"]),
    ("? Dockerfile", [ENTER]),
    ("? User or organisation", ["team", ENTER]),
    ("? Image name", [ENTER]),
    ("? Tag", ["v1", ENTER]),
    ("? Push it to a registry?", ["n"]),
    ("? Does it copy the code?", ["n"]),
    ("? Fetch the code from storage?", [ENTER]),
    ("? Repository", [ENTER]),
    ("? Branch", ["main", ENTER]),
    ("? Is it private?", ["y"]),
    ("? Access token", ["s3cr3t", ENTER]),
    ("? Run it on a schedule?", ["y"]),
    ("? Schedule", ["2", ENTER]),
    ("? Cron line", ["0 6 * * 1-5", ENTER]),
    ("? Time zone", ["Europe/Berlin", ENTER]),
    ("? Active at once?", [ENTER]),
    ("? Another schedule?", [ENTER]),
    ("? Deploy this?", [ENTER]),
    ("? Save it in prefect.yaml?", [ENTER]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("wizard") / "server") as live:
        yield live


class Project:
    """A repository with flows and a Dockerfile, and terminals in it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        (folder / "flows.py").write_text(FLOWS)
        (folder / "Dockerfile").write_text("FROM scratch\n")
        subprocess.run(["git", "init", "-qb", "main"], cwd=folder, check=True)
        remote = "https://someone:hidden@git.example/team/etl.git"
        subprocess.run(["git", "remote", "add", "origin", remote], cwd=folder, check=True)

    @contextmanager
    def terminal(self, *arguments: str, **extra: Any) -> Iterator[Terminal]:
        shell = self.server.shell(self.folder)
        environment = shell.program.environment(shell.home, shell.api)
        for name in ("PREFECT_CLI_PROMPT", "COLUMNS", "NO_COLOR"):
            environment.pop(name)
        size = {name: extra.pop(name) for name in ("columns", "rows") if name in extra}
        environment = {**environment, "NO_COLOR": "1", **extra}
        with open_terminal([shell.program.command, *arguments], self.folder, environment, **size) as at:
            yield at

    def files(self) -> set[str]:
        ours = {".git", "__pycache__", "flows.py", "Dockerfile"}
        return {one.name for one in self.folder.iterdir()} - ours

    def on_server(self) -> dict[str, set[str]]:
        """The names of all that a wizard makes."""
        post = self.server.api.post
        nouns = ("work_pools", "block_documents", "deployments", "flows")
        return {noun: {one["name"] for one in post(f"/{noun}/filter", {})} for noun in nouns}


@pytest.fixture
def project(server: Server, tmp_path: Path) -> Project:
    folder = tmp_path / "etl"
    folder.mkdir()
    return Project(server, folder)


def answer(at: Terminal, script: Script) -> None:
    for seen, keys in script:
        at.until(seen)
        at.press(*keys)


def through(script: Script, last: str) -> Script:
    """The script up to a question, which is not answered."""
    return script[: [seen for seen, _ in script].index(last)]


@pytest.mark.parametrize("last", [seen for seen, _ in EVERYTHING])
def test_leaving_at_any_question_leaves_nothing_behind(project: Project, last: str) -> None:
    before = project.on_server()
    with project.terminal("deploy") as at:
        answer(at, through(EVERYTHING, last))
        at.until(last)
        at.press(INTERRUPT)
        assert at.ended() == INTERRUPTED
    assert at.screen.text.splitlines()[-1] == NOTHING, at.screen.text
    assert (project.files(), project.on_server()) == (set(), before)


def test_the_end_of_input_and_a_no_change_nothing_either(project: Project) -> None:
    before = project.on_server()
    with project.terminal("deploy") as at:
        at.until("? Flow")
        at.press(END_OF_INPUT)
        assert at.ended() == INTERRUPTED
    script = [*through(EVERYTHING, "? Deploy this?"), ("? Deploy this?", ["n"])]
    with project.terminal("deploy") as at:
        answer(at, script)
        assert at.ended() == 1
    assert NOTHING in at.screen.text
    assert (project.files(), project.on_server()) == (set(), before)


def test_a_deployment_is_made_saved_and_offered_again(project: Project, server: Server) -> None:
    with project.terminal("deploy") as at:
        at.until("? Flow")
        shown(at, "flow")
        at.press("slow", ENTER)
        answer(at, [("? Deployment name", [ENTER])])
        at.until("? Type of pool")
        shown(at, "type")
        at.press(ENTER)
        answer(at, [("? Name of the pool", ["here", ENTER]), ("? Fetch the code", [ENTER]), ("? Repository", [ENTER])])
        answer(at, [("? Branch", [ENTER]), ("? Is it private?", ["y"]), ("? Access token", ["s3cr3t", ENTER])])
        answer(at, [("? Run it on a schedule?", ["y"]), ("? Schedule", [DOWN, ENTER])])
        answer(at, [("? Cron line", ["0 6 x", ENTER]), ("has 3 fields", [ERASE, "0 6 * * 1-5", ENTER])])
        answer(
            at, [("? Time zone", ["Europe/Berlni", ENTER]), ("Did you mean Europe/Berlin", [ERASE, "Europe/Berlin"])]
        )
        answer(at, [("Europe/Berlin", [ENTER]), ("? Active at once?", [ENTER]), ("? Another schedule?", [ENTER])])
        at.until("? Deploy this?")
        at.press(ENTER)
        at.until("? Save it in prefect.yaml?")
        at.press(ENTER)
        assert at.ended() == 0
        shown(at, "done")
    text = at.screen.text
    assert "Worker" not in text
    assert "penstock worker start --pool here" in text
    assert "s3cr3t" not in at.raw
    assert "hidden" not in at.raw
    found = server.api.get("/deployments/name/slow%20one/default")
    assert found["work_pool_name"] == "here"
    token = "{{ prefect.blocks.secret.deployment-default-slow-one-repo-token }}"
    step = {"repository": "https://git.example/team/etl.git", "branch": "main", "access_token": token}
    assert found["pull_steps"] == [{"penstock.steps.git_clone": step}]
    assert [one["schedule"]["cron"] for one in found["schedules"]] == ["0 6 * * 1-5"]
    secret = "/block_types/slug/secret/block_documents/name/deployment-default-slow-one-repo-token"
    assert server.api.get(f"{secret}?include_secrets=true")["data"] == {"value": "s3cr3t"}
    assert project.files() == {"prefect.yaml", ".prefectignore"}
    assert "s3cr3t" not in (project.folder / "prefect.yaml").read_text()
    _is_offered_again(project)


def _is_offered_again(project: Project) -> None:
    shell = project.server.shell(project.folder)
    planned = shell.run("--no-prompt", "deploy", "-n", "default", "--plan")
    assert (planned.returncode, "Nothing to do" in planned.stdout) == (0, True), planned.stdout + planned.stderr
    with project.terminal("deploy") as at:
        at.until("? Deployment")
        shown(at, "again")
        at.press(ENTER)
        assert at.ended() == 0
    assert "unchanged" in at.screen.text
    with project.terminal("deploy", "-p", "here") as at:
        answer(at, [("? Deployment", ["2", ENTER]), ("? Flow", [ENTER]), ("? Deployment name", ["second", ENTER])])
        answer(at, [("? Fetch the code", ["n"]), ("? Run it", ["n"]), ("? Deploy this?", [ENTER]), ("? Save", [ENTER])])
        assert at.ended() == 0
    saved = (project.folder / "prefect.yaml").read_text()
    assert saved.count("- name: ") == 2
    done = shell.run("--no-prompt", "deploy", "-n", "second")
    assert (done.returncode, "unchanged" in done.stdout) == (0, True), done.stdout + done.stderr


def test_nobody_to_ask_is_told_which_flag_is_missing(project: Project) -> None:
    shell = project.server.shell(project.folder)
    for arguments, said in (
        (["--no-prompt", "deploy"], "entrypoint"),
        (["--no-prompt", "deploy", "flows.py:hello"], "-n"),
        (["--no-prompt", "deploy", "flows.py:hello", "-n", "x"], "--pool"),
    ):
        done = shell.run(*arguments)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    closed = f'"{shell.program.command}" --prompt deploy <&-'
    done = shell.execute(["sh", "-c", closed], 60, {})
    assert (done.returncode, done.stderr.strip()) == (INTERRUPTED, NOTHING)


def test_a_deploy_below_the_root_of_a_repository_says_so(project: Project) -> None:
    below = project.folder / "etl"
    below.mkdir()
    at_root, from_below = (project.server.shell(folder).run("deploy", "--plan") for folder in (project.folder, below))
    assert f"not the root of the repository, which is {project.folder}" in from_below.stderr
    assert "not the root" not in at_root.stderr
    assert at_root.returncode == from_below.returncode == 1


def test_a_dumb_terminal_gets_numbered_lists(project: Project) -> None:
    with project.terminal("deploy", "-n", "plain", TERM="dumb", PYTHONIOENCODING="ascii") as at:
        at.until("Number [1]")
        at.press("2\n")
        at.until("pool:")
        at.press(END_OF_INPUT)
        assert at.ended() == INTERRUPTED
    assert "\x1b" not in at.raw
    assert NOTHING in at.screen.text


def test_a_narrow_terminal_is_never_overrun(project: Project) -> None:
    with project.terminal("work-pool", "create", "narrow", columns=40, rows=10) as at:
        at.until("? Type of pool")
        at.press(DOWN, DOWN)
        at.until("❯ 3")
        assert all(len(line) < 40 for line in at.at_rest().splitlines())
        assert len(at.screen.text.splitlines()) <= 10
        at.press("legacy")
        at.until("❯   prefect-agent")
        at.press(ENTER)
        assert at.ended() == 0
    assert "penstock agent start --pool narrow" in at.screen.text


def test_colours_come_unless_they_are_unwanted(project: Project) -> None:
    for wanted, extra in ((True, {"NO_COLOR": ""}), (False, {})):
        with project.terminal("init", **extra) as at:
            at.until("? Recipe")
            at.press(INTERRUPT)
            assert at.ended() == INTERRUPTED
        assert ("\x1b[36m" in at.raw) == wanted


def test_init_asks_for_the_recipe_that_fits_and_what_it_needs(project: Project) -> None:
    with project.terminal("init") as at:
        at.until("? Recipe")
        assert "❯ 4 docker-git" in at.at_rest()
        shown(at, "init")
        at.press(ENTER)
        answer(at, [("? Image name", ["team/etl", ENTER]), ("? Tag", [ENTER]), ("? Repository", [ENTER])])
        answer(at, [("? Branch", [ENTER])])
        assert at.ended() == 0
    text = (project.folder / "prefect.yaml").read_text()
    assert "hidden" not in text
    assert "image_name: team/etl" in text


def shown(at: Terminal, name: str) -> None:
    """The page of the guide shows this screen, to the letter; PENSTOCK_WRITE_SCREENS=1 writes it there."""
    text = PAGE.read_text()
    begin, end = f"<!-- not run: the screen {name!r} -->\n```\n", "\n```"
    head, found, tail = text.partition(begin)
    if not found:
        return
    before, _, after = tail.partition(end)
    seen = _steady(at.at_rest())
    if os.environ.get("PENSTOCK_WRITE_SCREENS"):
        PAGE.write_text(f"{head}{begin}{seen}{end}{after}")
    else:
        assert before == seen, "the guide shows another screen; PENSTOCK_WRITE_SCREENS=1 writes what is seen"


def _steady(text: str) -> str:
    """Without what is another each time: moments, ids, digests, the folder's changes."""
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "01a20f5e-3c52-7a35-b5f1-20cf9b1b6a3d", text)
    text = re.sub(r'"[0-9a-f]{32}"', '"20114f7784dff4a6bb38120d337b369d"', text)
    day = iter(("Mon 2026-11-02", "Tue 2026-11-03", "Wed 2026-11-04"))
    return re.sub(r"\b[A-Z][a-z]{2} \d{4}-\d\d-\d\d(?= 06:00)", lambda found: next(day), text)
