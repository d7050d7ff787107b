"""Commands of agents as commands of workers."""

from __future__ import annotations

import pytest

from penstock.core.agent_commands import Moved, Surroundings, translate
from penstock.core.infrastructure_blocks import Severity
from penstock.errors import InvalidRequest

ID = "7f6f7e4e-2d7f-4a8e-9a64-2f7d24e1a001"
KNOWN = Surroundings(
    moved=(Moved("old", "default", "jobs"), Moved("old", "gpu", "big jobs"), Moved("default-agent-pool", "a", "jobs")),
    queues={"old": ["default", "dev-1", "dev-2"]},
    queue_names={ID: "a"},
)


@pytest.mark.parametrize(
    ("agent", "worker"),
    [
        ("agent start --pool x", "worker start --pool x"),
        ("prefect agent start -p old -q default", "prefect worker start --pool jobs --work-queue default"),
        ("/srv/bin/prefect agent start -q a", "/srv/bin/prefect worker start --pool jobs --work-queue a"),
        ("python -m prefect agent start -pold -qgpu",
         'python -m prefect worker start --pool "big jobs" --work-queue gpu'),
        ("agent start --pool=x --limit=5 --prefetch-seconds 30 --run-once",
         "worker start --pool x --limit 5 --prefetch-seconds 30 --run-once"),
        (f"agent start {ID}", "worker start --pool jobs --work-queue a"),
        ("agent start a --hide-welcome", "worker start --pool jobs --work-queue a"),
        ('agent start --pool "$POOL" -q ${QUEUE} &', 'worker start --pool "$POOL" --work-queue ${QUEUE} &'),
        ("agent start -p x > log 2>&1; echo done", "worker start --pool x > log 2>&1; echo done"),
        ("agent start \\\n    --pool x \\\n    -l 3\necho", "worker start --pool x --limit 3\necho"),
        ("[Service]\nExecStart=/srv/prefect agent start -p x\nRestart=always",
         "[Service]\nExecStart=/srv/prefect worker start --pool x\nRestart=always"),
        ('CMD ["prefect", "agent", "start", "-p", "old", "-q", "gpu"]',
         'CMD ["prefect", "worker", "start", "--pool", "big jobs", "--work-queue", "gpu"]'),
        ("# was: agent start -p x\nagent start -p y", "# was: agent start -p x\nworker start --pool y"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)  # fmt: skip
def test_only_the_command_is_changed(agent: str, worker: str) -> None:
    assert translate(agent, KNOWN).text == worker


@pytest.mark.parametrize(
    ("agent", "severity", "said"),
    [
        ("agent start -p old -m dev-", Severity.WARNING, "named: dev-1, dev-2"),
        ("agent start -p x -m dev-", Severity.WARNING, "no queue begins so now"),
        ("agent start -t gpu", Severity.ERROR, "queues by tag"),
        ("agent start 7f6f7e4e-2d7f-4a8e-9a64-2f7d24e1a00f", Severity.ERROR, "named by its id"),
        ("agent start -p x --api http://h/api", Severity.WARNING, "no `--api`"),
        ("agent start -q z", Severity.WARNING, "a worker needs a pool"),
        ("agent start -p old", Severity.WARNING, "in several pools; the command is for"),
        ("agent start -p x", Severity.NOTE, "is a pool for agents"),
    ],
)
def test_what_workers_do_not_do_is_told(agent: str, severity: Severity, said: str) -> None:
    found = translate(agent, KNOWN).remarks
    assert any(one.severity is severity and said in one.sentence for one in found), found


def test_queues_that_match_are_named() -> None:
    done = translate("agent start -p old -m dev-", KNOWN)
    assert done.text == "worker start --pool old --work-queue dev-1 --work-queue dev-2"


def test_a_translated_text_stays_as_it_is() -> None:
    once = translate("prefect agent start -p old -q gpu", KNOWN)
    again = translate(once.text, KNOWN)
    assert (again.text, again.found, again.remarks) == (once.text, 0, [])


@pytest.mark.parametrize(
    ("agent", "said"), [("agent start --poll x", "Did you mean --pool?"), ("agent start -p", "has no value")]
)
def test_words_that_agents_do_not_take_are_refused(agent: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said.replace("?", r"\?")):
        translate(agent)
