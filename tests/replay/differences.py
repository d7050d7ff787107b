"""The deliberate differences from Prefect 3.8.8's server: the one list behind the replay and docs/compatibility.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.replay.player import Answer
from tests.replay.recording import OLDER
from tests.replay.shapes import Difference
from tests.replay.steadiness import UNSTEADY


@dataclass(frozen=True)
class Deliberate:
    """One difference that is meant: where it shows, and why it is so."""

    where: str
    """A pattern of `METHOD path`, ids and all."""

    reason: str
    """Why; one sentence for the page."""

    at: str = ".*"
    """A pattern of the place in the answer."""

    kinds: tuple[str, ...] = ("status", "missing", "extra", "type", "empty", "enum")

    def covers(self, answer: Answer, difference: Difference) -> bool:
        """Whether this entry of the list is the reason for a difference."""
        place = f"{answer.method} {answer.path}"
        fits = re.search(self.where, place) and re.fullmatch(self.at, difference.path)
        return bool(fits) and difference.kind in self.kinds


HEAD = """## On the wire

Recorded conversations of real Prefect programs are replayed against the server (`tests/replay`): status codes, keys,
types and enumerated values are the same but for these. The list is `tests/replay/differences.py`; a test holds this
section to it.

| where | what differs, and why |
| --- | --- |"""

DELIBERATE: tuple[Deliberate, ...] = (
    Deliberate(
        "WS open .*/workers/connect",
        "There is no worker channel yet: the upgrade is answered 404, and Prefect's workers then poll and send "
        "heartbeats over REST, as they do with older servers. Penstock's own workers use `/penstock` instead.",
    ),
    Deliberate(
        "WS open .*/task_runs/subscriptions/scheduled",
        "Background tasks (`.delay()`, `task serve`) are not served yet.",
    ),
    Deliberate(
        "(GET|POST) .*/deployments/",
        "`last_polled` of a deployment is that of its queue and not stored twice, so that polling writes no "
        "deployment rows.",
        at=r".*\.last_polled",
    ),
    Deliberate(
        "(GET|POST|PATCH|WS) ",
        "A deployment and its runs carry the label `penstock.deployment.version`: the version that the run is of.",
        at=r".*labels\.penstock\.deployment\.version",
        kinds=("extra",),
    ),
    Deliberate(
        "POST .*/(get_scheduled_flow_runs|get_runs)$",
        "A polled run is shown with the names of its queue and pool, and one of a queue or deployment with its state; "
        "Prefect leaves them empty.",
        at=r".*\.(state|work_queue_name|work_pool_id|work_pool_name)",
        kinds=("type", "extra"),
    ),
    Deliberate(
        "POST|PATCH|PUT",
        "A refused body says where and what is wrong (`loc`, `msg`, `input`) as Prefect does; the rule's internal "
        "context (`ctx`) is left out, and `type` may be the general `value_error`.",
        at=r"\$\.exception_detail\[\]\.(ctx|type)",
    ),
    Deliberate(
        "POST .*/flow_runs/[^/]+/resume$",
        "Resuming a run that does not exist is 404, not 500.",
        kinds=("status",),
    ),
    Deliberate(
        "DELETE .*/queues/default$",
        "Deleting a pool's default queue is refused with 409 and the reason; Prefect fails with 500.",
        kinds=("status",),
    ),
    Deliberate(
        "(POST|GET) .*/flow_runs/",
        "A state that the server puts in the place of a proposed one keeps the proposal's `transition_id`, so that "
        "sending it twice is noticed; details that say nothing are null.",
        at=r".*state_details\.(transition_id|deferred)",
    ),
    Deliberate(
        "(GET|POST) .*/(block_types|block_schemas|block_documents)/",
        "The system's block types are described in our own words, so their schemas have other checksums; a Prefect "
        "client that misses one registers its own, as it does for the user's blocks.",
        at=r".*(code_example|documentation_url|logo_url|description|examples|definitions)|\$",
    ),
    Deliberate(
        "POST .*/create_flow_run$",
        "A run whose deployment was deleted belongs to none (`deployment_id` null), at once.",
        at=r"\$\.deployment_id",
    ),
    Deliberate(
        "POST .*/concurrency_status$",
        "The runs that hold a pool's slots are counted for the pool, not again for each queue.",
        at=r".*\.flow_run_count",
    ),
    Deliberate(
        "GET|POST",
        "A deployment whose pool was deleted shows no queue; its former queue's name is not kept.",
        at=r".*\.work_queue_name",
        kinds=("type",),
    ),
    Deliberate(
        "/flow_runs/4404c94e",
        "Automations are kept but do not fire yet, so a run that one of them made in the recordings is not there.",
    ),
    Deliberate(
        "WS frame",
        "A streamed log line is the stored one, with the moments of its storing.",
        at=r"\$\.log\.(created|updated)",
    ),
    Deliberate(
        "GET .*/flow_runs/",
        "A paused run that goes on in its process is still in its first run, whichever version the client that resumes "
        "it claims; Prefect counts one more for clients that claim none.",
        at=r"\$\.run_count",
    ),
    Deliberate(
        "(POST|PATCH) .*/(deployments|flow_runs)/",
        "A job variable that the pool's template does not declare is refused with 422 and the nearest right name, "
        "unless its schema has `additionalProperties`; Prefect takes it and then ignores it.",
        at=r"\$\.detail",
        kinds=("extra",),
    ),
    Deliberate(
        "POST .*(/flow_runs/|/create_flow_run)$",
        "Job variables that were not given are `{}`, as they are when read; Prefect answers null to their creator.",
        at=r".*\.job_variables",
        kinds=("type",),
    ),
    Deliberate(
        "POST .*/flow_runs/d730855d-[^/]+/set_state$",
        "A run that is due while its deployment is full and `CANCEL_NEW` is asked for is cancelled by the server at "
        "once, so a worker that proposes Pending for it is mostly answered ABORT; Prefect cancels it at the proposal.",
        at=r"\$|\$\.status|\$\.details\.type",
    ),
)

OLDER_HEAD = """## On the wire with Prefect 2.20

Recorded conversations of Prefect 2.20.25's command line, agent, worker and flows with its own server are replayed too.
Beside what is listed above, these differ:

| where | what differs, and why |
| --- | --- |"""

DELIBERATE_OLDER: tuple[Deliberate, ...] = (
    Deliberate(
        "(GET|POST) ",
        "Answers have the fields of today too, which a client of 2.20 passes over.",
        at=r".*\.(labels|active_slots|storage_configuration|global_concurrency_limit|concurrency_options"
        r"|concurrency_limit|job_variables|work_queue_id|updated_by|schedules\[\]\.(parameters|slug)"
        r"|state_details\.(traceparent|deployment_concurrency_lease_id|deferred))",
        kinds=("extra",),
    ),
    Deliberate(
        "GET .*/deployments/",
        "A client of 2.20 gets what it knows a deployment by (`infra_overrides`, `schedule`, `is_schedule_active`, "
        "`manifest_path`, no pull steps as null); a server of 3.8 has only today's fields for it.",
        at=r"\$\.(infra_overrides|schedule|is_schedule_active|manifest_path|pull_steps)",
        kinds=("extra", "type"),
    ),
    Deliberate(
        "(GET|POST) .*/(work_queues|work_pools/default-agent-pool)/",
        "The pool of agents' queues has a default queue, as all pools have, which comes first; other queues get the "
        "next free priority.",
        at=r".*\.priority",
        kinds=("enum",),
    ),
)

MISTAKES: tuple[Deliberate, ...] = ()
"""Differences that nobody meant and that are still to be mended: each goes when its cause goes."""


def unexplained(answer: Answer) -> list[Difference]:
    """The differences of an answer that a client could notice and that nobody meant."""
    if answer.index in UNSTEADY.get(answer.recording.partition("-")[0], ()):
        return []
    meant = DELIBERATE + MISTAKES + (DELIBERATE_OLDER if answer.recording.startswith(OLDER) else ())
    return [
        difference
        for difference in answer.differences
        if difference.counts and not any(known.covers(answer, difference) for known in meant)
    ]


def page() -> str:
    """The list as a section of docs/compatibility.md shows it."""
    return "\n".join([HEAD, *rows(DELIBERATE), "", OLDER_HEAD, *rows(DELIBERATE_OLDER), ""])


def rows(known: tuple[Deliberate, ...]) -> list[str]:
    """The table's rows."""
    return [escaped(f"| `{one.where}` | {one.reason} |") for one in known]


def escaped(line: str) -> str:
    """A table row in which the bars of a pattern do not end the cell."""
    where, _, reason = line.removeprefix("| ").removesuffix(" |").rpartition(" | ")
    bars = where.replace("|", "\\|")
    return f"| {bars} | {reason} |"


if __name__ == "__main__":
    print(page(), end="")
