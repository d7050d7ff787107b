"""Which program works beside whose server, each cell with the test that shows it: `docs/compatibility-matrix.md`.

    python -m tests.interop.matrix

writes the page; a test holds it to this table, and each cell to a test that is there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop.prefect2_cases import CASES as OLDER
from tests.interop.prefect2_cases import PROBES
from tests.interop.test_both_generations import CURRENT

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility-matrix.md"
COLUMNS = (
    "Prefect 2.20.25 on Penstock",
    "Prefect 3.8.8 on Penstock",
    "Penstock on Prefect 2.20.25",
    "Penstock on Prefect 3.8.8",
)
"""Whose command line, agent or worker, and whose server."""


@dataclass(frozen=True)
class Yes:
    """It works, as this test shows; the file stands below `tests`."""

    test: str


@dataclass(frozen=True)
class No:
    """It does not, and why."""

    why: str


Cell = Yes | No
Row = tuple[str, tuple[Cell, Cell, Cell, Cell]]

NO_AGENTS = No("Prefect 3 has no agents, but workers")
_ONE = No("there is one generation of it")
NO_COMMAND = No("Prefect 3 has no such command")
_SWEEP2 = Yes("interop/test_both_generations.py::test_prefect_2_exits_as_at_its_own_server")
_SWEEP3 = Yes("interop/test_both_generations.py::test_prefect_3_exits_as_at_its_own_server")
_LINES2 = Yes("interop/test_penstock_on_prefect2.py::test_command_exits_as_at_a_server_of_prefect_3")
_LINES3 = Yes("interop/test_penstock_client.py::test_command_exits_as_prefect_does")
_WORKER2 = Yes("interop/test_penstock_on_prefect2.py::test_our_worker_carries_out_a_run")
_AGENT2 = Yes("interop/test_penstock_on_prefect2.py::test_our_agent_carries_out_a_run_with_its_overrides")
_POOL2 = Yes("interop/test_penstock_on_prefect2.py::test_our_agent_serves_a_pool_that_our_command_made")
_JOURNEYS3 = Yes("interop/test_penstock_client.py::test_journey_ends_well")
_AGENT3 = Yes("interop/test_penstock_client.py::test_our_agent_carries_out_a_run_with_its_overrides")
_QUEUES = Yes("interop/test_prefect2_client.py::test_agents_serve_queues_and_pools_and_make_the_queues_they_ask_for")


def _agents(name: str) -> Yes:
    return Yes(f"interop/test_prefect2_agent.py::{name}")


def _ours(name: str) -> No:
    """What our agent does at our own server is shown elsewhere; at another one the server's part is the same."""
    return No(f"tried with our agent at our server only (`agent/test_agent.py::{name}`)")


COMMANDS: Sequence[Row] = (
    ("Versions, health, and reading flows, runs, blocks, queues and pools", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
    ("Blocks and block types: list, show, save, delete", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
    (
        "`deployment build --apply`, `deployment apply`",
        (
            _SWEEP2,
            NO_COMMAND,
            Yes("interop/test_deployment_build.py::test_each_reads_what_the_other_built_and_makes_the_same_of_it"),
            No("not tried"),
        ),
    ),
    ("`deploy` of a project file", (_SWEEP2, _SWEEP3, _WORKER2, _JOURNEYS3)),
    (
        "A deployment with a concurrency limit of its own",
        (
            No("Prefect 2 knows no such limit"),
            _SWEEP3,
            No("Prefect 2 knows no such limit; the deploy says so"),
            _JOURNEYS3,
        ),
    ),
    ("Schedules: create, list, pause, resume, clear", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
    (
        "`deployment set-schedule`, `pause-schedule`, `resume-schedule`",
        (_SWEEP2, NO_COMMAND, No("`deployment schedule` does it"), No("`deployment schedule` does it")),
    ),
    (
        "`work-pool create --type prefect-agent`",
        (_SWEEP2, No("Prefect 3 does not offer the type"), _POOL2, No("not tried")),
    ),
    ("Pools and queues: create, change, pause, resume, delete", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
    ("Variables, limits by name and by tag, artifacts", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
    (
        "Parameters are not checked where a deployment does not ask for it",
        (
            Yes("server/routes/test_older_bodies.py::test_overrides_schedule_and_pause_have_older_names"),
            No("Prefect 3 asks for it"),
            _AGENT2,
            No("Prefect 3 asks for it"),
        ),
    ),
    (
        "A worker carries out a run",
        (
            _SWEEP2,
            Yes("interop/test_workers_together.py::test_work_is_shared_and_each_run_is_executed_once"),
            _WORKER2,
            _JOURNEYS3,
        ),
    ),
    (
        "A flow with tasks, subflows, artifacts, pauses and limits",
        (
            _SWEEP2,
            Yes("interop/test_prefect_client.py::test_journey_ends_well"),
            No("Prefect 2 gives no slots by lease, and does not show tasks that are reported as events"),
            _JOURNEYS3,
        ),
    ),
    (
        "Notification policies of Prefect 2",
        (
            Yes("server/routes/test_notification_policies.py::test_a_policys_life"),
            No("Prefect 3 has automations in their place"),
            Yes("interop/test_import.py::test_variables_limits_and_notices_arrive"),
            No("Prefect 3 has automations in their place"),
        ),
    ),
    (
        "Everything a server is set up with is copied by `penstock upgrade import`",
        (
            No("a command of Penstock's"),
            No("a command of Penstock's"),
            Yes("interop/test_import.py::test_deployments_arrive_as_they_were_but_at_rest"),
            Yes("interop/test_import.py::test_a_server_of_prefect_3_is_copied"),
        ),
    ),
    (
        "Command lines of both generations at once on one server",
        (_SWEEP2, _SWEEP3, No("one program"), No("one program")),
    ),
)
"""What is done with a command line."""
AGENTS: Sequence[Row] = (
    ("Queue mode: `agent start -q NAME`", (_QUEUES, NO_AGENTS, _AGENT2, _AGENT3)),
    ("Pool mode: `agent start --pool NAME`", (_QUEUES, NO_AGENTS, _POOL2, No("not tried"))),
    ("A queue that is not there is made", (_QUEUES, NO_AGENTS, _POOL2, _AGENT3)),
    (
        "`--match`, with a pool and without",
        (
            _agents("test_queues_are_matched_in_a_pool_and_without_one"),
            NO_AGENTS,
            _ours("test_queues_are_matched_and_none_is_made"),
            _ours("test_queues_are_matched_and_none_is_made"),
        ),
    ),
    (
        "`--match` makes nothing",
        (
            _agents("test_a_prefix_that_matches_nothing_makes_nothing"),
            NO_AGENTS,
            _ours("test_queues_are_matched_and_none_is_made"),
            _ours("test_queues_are_matched_and_none_is_made"),
        ),
    ),
    (
        "`--limit`, `--run-once`",
        (
            _agents("test_a_limit_leaves_the_other_runs_scheduled"),
            NO_AGENTS,
            _AGENT2,
            _AGENT3,
        ),
    ),
    (
        "`--prefetch-seconds`: taken early, begun in time",
        (
            _agents("test_a_run_that_is_taken_early_begins_at_its_time"),
            NO_AGENTS,
            No("not tried"),
            No("not tried"),
        ),
    ),
    (
        "Cancelling a run ends its process",
        (
            Yes("interop/test_prefect2_client.py::test_an_agent_ends_what_is_cancelled"),
            NO_AGENTS,
            _ours("test_what_is_cancelled_is_ended"),
            _ours("test_what_is_cancelled_is_ended"),
        ),
    ),
    (
        "Several agents on one queue execute each run once",
        (
            Yes("interop/test_prefect2_client.py::test_two_agents_execute_each_run_once"),
            NO_AGENTS,
            No("not tried"),
            No("not tried"),
        ),
    ),
    (
        "When a queue was last polled is shown, and whether it is READY",
        (
            _agents("test_both_command_lines_show_when_queues_were_polled"),
            _LINES3,
            _LINES2,
            _LINES3,
        ),
    ),
    (
        "An older agent that names itself is listed",
        (
            Yes("server/routes/test_agents.py::test_an_agent_that_names_itself_is_listed"),
            NO_AGENTS,
            No("the server does not list agents"),
            No("the server does not list agents"),
        ),
    ),
    (
        "Queues by tag: `agent start -t TAG`",
        (
            _agents("test_a_queue_by_tags_is_made_and_gives_the_runs_that_have_them"),
            NO_AGENTS,
            No("our agent refuses `--tag`"),
            No("our agent refuses `--tag`"),
        ),
    ),
    (
        "Nothing is given out by a paused queue or pool",
        (
            _agents("test_nothing_is_given_out_while_paused"),
            NO_AGENTS,
            No("not tried"),
            No("not tried"),
        ),
    ),
    (
        "An unknown pool ends the agent",
        (
            _agents("test_what_makes_no_sense_ends_the_agent"),
            NO_AGENTS,
            _ours("test_refusals_name_the_command_that_helps"),
            _ours("test_refusals_name_the_command_that_helps"),
        ),
    ),
    ("Blocks of infrastructure and storage: saved, loaded, secrets hidden", (_SWEEP2, _SWEEP3, _LINES2, _LINES3)),
)
"""What agents do."""


def page() -> str:
    """The page's text."""
    parts = [
        "# Compatibility matrix\n",
        "Written by `python -m tests.interop.matrix`: which program works beside whose server, and the test that shows"
        " it.\nReal programs and real servers are used. What differs on purpose is on [a page of its"
        " own](compatibility.md).\n",
        "## Commands\n",
        *_table(COMMANDS),
        "## Agents\n",
        *_table(AGENTS),
        "## Command lines, one by one\n",
        "The command lines of both generations are carried out on one Penstock server at the same time. Each ends with"
        " the exit\ncode that it has at its own server, and no request is refused with a 4xx or fails with a 5xx but"
        " those that the program\nmeans to be: a command that is to fail, and these probes.\n",
        *_rows(("probe", "what it learns"), [(f"`{name}`", why) for name, why in PROBES.items()]),
        f"### Prefect 2.20.25: {len(OLDER)} lines\n",
        *_rows(("command", "exit code", "unexpected refusals"), _lines(OLDER)),
        f"### Prefect 3.8.8: {len(CURRENT)} lines\n",
        *_rows(("command", "exit code", "unexpected refusals"), _lines(CURRENT)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def tests() -> Iterator[str]:
    """Every test that a cell names."""
    for _, cells in (*COMMANDS, *AGENTS):
        for cell in cells:
            if isinstance(cell, Yes):
                yield cell.test
            elif "::" in cell.why:
                yield cell.why.split("`")[1]


def is_there(test: str) -> bool:
    """Whether there is a test of that name."""
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    if not path.exists():
        return False
    tree = ast.parse(path.read_text())
    return any(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name for one in tree.body)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    return _rows(("", *COLUMNS), [(title, *map(_cell, cells)) for title, cells in rows])


def _cell(cell: Cell) -> str:
    return f"yes (`{cell.test.partition('::')[2]}`)" if isinstance(cell, Yes) else f"no: {cell.why}"


def _lines(cases: Sequence[tuple[str, int]]) -> list[tuple[str, ...]]:
    return [(f"`{line}`", str(code), "none") for line, code in cases]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
