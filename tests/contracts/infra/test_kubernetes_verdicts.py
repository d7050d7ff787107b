"""What a cluster says of a job, its pods and events, and what the driver makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from penstock.infra.kubernetes.cluster import Cluster
from penstock.infra.kubernetes.hosted import Hosted, Limits
from penstock.infra.kubernetes.manifest import slugified
from penstock.infra.kubernetes.seen import ClusterJob, Pod
from penstock.infra.kubernetes.verdicts import View, ending
from penstock.infra.polling import Pace
from penstock.infra.protocol import Exit

Data = dict[str, Any]


def pod(phase: str, state: Data | None = None, **status: Any) -> Data:
    statuses = [{"name": "main", "image": "i", "state": state}] if state else []
    return {
        "metadata": {"uid": "u"},
        "spec": {"containers": [{"name": "main"}], "restartPolicy": "Never"},
        "status": {"phase": phase, "containerStatuses": statuses, **status},
    }


def verdict(kind: str, reason: str, message: str = "m", backoff: int = 0) -> Data:
    conditions = [{"type": kind, "status": "True", "reason": reason, "message": message}]
    return {"metadata": {}, "spec": {"backoffLimit": backoff}, "status": {"conditions": conditions}}


def ended(code: int, reason: str = "Error", message: str | None = None) -> Data:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def disrupted(reason: str) -> Data:
    return {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "why"}]}


RUNNING = pod("Running", {"running": {}})
RETRYING = {"metadata": {}, "spec": {"backoffLimit": 2}}
NO_WORD = "The job was deleted in the cluster, and nothing says how it ended."
BACKOFF = verdict("Failed", "BackoffLimitExceeded", backoff=2)

CASES: dict[str, tuple[Data | None, list[Data], bool, Exit | None]] = {
    "runs": (None, [RUNNING], False, None),
    "ended well": (None, [pod("Succeeded", ended(0, "Completed"))], False, Exit(0)),
    "failed": (None, [pod("Failed", ended(3))], False, Exit(3)),
    "ended beside a sidecar": (None, [pod("Running", ended(3))], False, Exit(3)),
    "out of memory": (
        None,
        [pod("Failed", ended(137, "OOMKilled"))],
        False,
        Exit(-9, reason="The container was killed for want of memory (OOMKilled)."),
    ),
    "no such command": (
        None,
        [pod("Failed", ended(128, "StartError", "exec: no such file"))],
        False,
        Exit(128, reason="StartError: exec: no such file"),
    ),
    "evicted": (
        None,
        [pod("Failed", reason="Evicted", message="low on memory")],
        False,
        Exit(None, reason="Evicted: low on memory", lost=True),
    ),
    "drained": (
        None,
        [pod("Failed", ended(143), **disrupted("EvictionByEvictionAPI"))],
        False,
        Exit(
            -15,
            reason="The pod was evicted, as when a node is drained (EvictionByEvictionAPI): why",
            lost=True,
        ),
    ),
    "node lost": (
        verdict("Failed", "BackoffLimitExceeded"),
        [],
        False,
        Exit(None, reason="The job failed (BackoffLimitExceeded): m"),
    ),
    "deadline of the pod": (
        None,
        [pod("Failed", reason="DeadlineExceeded", message="too long")],
        False,
        Exit(-15, reason="DeadlineExceeded: too long"),
    ),
    "deadline of the job": (
        verdict("Failed", "DeadlineExceeded"),
        [],
        False,
        Exit(-15, reason="The job failed (DeadlineExceeded): m"),
    ),
    "deadline while the pod still ends": (verdict("Failed", "DeadlineExceeded"), [RUNNING], False, None),
    "a pod that will be replaced": (RETRYING, [pod("Failed", ended(3))], False, None),
    "the last of them": (
        BACKOFF,
        [pod("Failed", ended(3))],
        False,
        Exit(3, reason="The job failed (BackoffLimitExceeded): m"),
    ),
    "job gone, pod at work": (None, [RUNNING], True, None),
    "gone before it began": (None, [], True, Exit(None, reason="The job was deleted before its container began.")),
}


@pytest.mark.parametrize("case", CASES)
def test_how_a_job_ended(case: str) -> None:
    job, pods, gone, expected = CASES[case]
    seen = {str(number): msgspec.convert(one, Pod) for number, one in enumerate(pods)}
    view = View(msgspec.convert(job, ClusterJob) if job else None, pods=seen, gone=gone)
    assert ending(view) == expected


def test_a_pod_that_was_seen_last_at_work_is_lost_with_its_job() -> None:
    view = View(removed={"u": msgspec.convert(RUNNING, Pod)}, gone=True)
    assert ending(view) == Exit(None, reason=NO_WORD)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"prefect.io/flow-run-name": "a b"}, {"prefect.io/flow-run-name": "a-b"}),
        ({"Ex Ample.com/Key!": "-x-"}, {"ex-ample.com/Key": "x"}),
        ({"k": "v" * 80}, {"k": "v" * 63}),
        ({"///": "x", "ü": "y"}, {}),
        ({"time": "2026-01-01T00:00:00+00:00"}, {"time": "2026-01-01T00-00-00-00-00"}),
    ],
)
def test_labels_are_written_in_the_letters_of_kubernetes(given: dict[str, str], expected: dict[str, str]) -> None:
    assert slugified(given) == expected


class Asked:
    """A cluster that is never asked here."""

    async def __call__(self, call: object, *arguments: object) -> object:
        raise AssertionError("nothing is to be asked")


async def test_what_comes_late_does_not_undo_what_is_known() -> None:
    hosted = Hosted(Cluster(None), Asked(), "default", "job", Limits(60, None), Pace())
    try:
        hosted.see_pod(version("20"))
        hosted.see_pods([], "10")
        assert hosted.view.pods, "that list was made before the pod was"
        hosted.see_pods([version("15")], "15")
        assert hosted.view.pods["u"].metadata.resource_version == "20"
        hosted.see_pods([], "30")
        hosted.see_pods([version("25")], "25")
        assert not hosted.view.pods, "a pod that is gone does not come back"
        assert "u" in hosted.view.removed
    finally:
        hosted.close()


def version(number: str) -> Pod:
    return msgspec.convert({**RUNNING, "metadata": {"uid": "u", "resourceVersion": number}}, Pod)
