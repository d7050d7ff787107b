"""Helm values of agents as those of workers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from penstock.core.infrastructure_blocks import Severity
from penstock.deploy.helm_values import translate_values
from penstock.deploy.yaml_text import from_yaml
from penstock.errors import DeployFailed

VALUES = """\
# ours
fullnameOverride: prefect-agent
agent:
  image:
    repository: prefecthq/prefect
    prefectTag: 2-latest  # pinned
  config:
    # the queues of the night
    workPool: old
    workQueues:
      - default
      - night
    queryInterval: 5

  apiConfig: "orion"
  orionApiConfig:
    apiUrl: http://prefect-server:4200/api
  replicaCount: 2
  resources:
    limits: {memory: 1Gi}
serviceAccount:
  create: true
"""
TRANSLATED = """\
# ours
fullnameOverride: prefect-worker
worker:
  image:
    repository: prefecthq/prefect
    prefectTag: 2-latest  # pinned
  config:
    workPool: k8s
    type: kubernetes
    # the queues of the night
    workQueues:
      - default
      - night
    queryInterval: 5

  apiConfig: "server"
  serverApiConfig:
    apiUrl: http://prefect-server:4200/api
  replicaCount: 2
  resources:
    limits: {memory: 1Gi}
serviceAccount:
  create: true
"""


def test_values_keep_their_lines_and_comments() -> None:
    text, remarks = translate_values(VALUES, "values.yaml", "k8s")
    assert text == TRANSLATED
    assert [one.code for one in remarks] == ["C14"]


@dataclass(frozen=True)
class Case:
    values: str
    wanted: object
    severity: Severity | None = None
    said: str = ""


@pytest.mark.parametrize(
    "case",
    [
        Case("agent: {}\n", {"worker": {"config": {"workPool": "k", "type": "kubernetes"}}}),
        Case("agent:\n", {"worker": {"config": {"workPool": "k", "type": "kubernetes"}}}),
        Case(
            "agent: {config: {workPool: old, limit: 3}}\n",
            {"worker": {"config": {"workPool": "k", "limit": 3, "type": "kubernetes"}}},
            Severity.NOTE,
            "comments are lost",
        ),
        Case(
            "prefect-agent:\n  agent:\n    config:\n      workPool: old\nother: 1\n",
            {"prefect-worker": {"worker": {"config": {"workPool": "k", "type": "kubernetes"}}}, "other": 1},
        ),
        Case(
            "agent:\n  hostNetwork: true\n  config:\n    workPool: old\n",
            {"worker": {"config": {"workPool": "k", "type": "kubernetes"}}},
            Severity.WARNING,
            "does not know 'hostNetwork'",
        ),
    ],
    ids=["empty", "null", "one line", "of a larger chart", "unknown key"],
)
def test_values_mean_the_same(case: Case) -> None:
    text, remarks = translate_values(case.values, "values.yaml", "k")
    assert from_yaml(text, "") == case.wanted
    if case.severity:
        assert any(one.severity is case.severity and case.said in one.sentence for one in remarks)


def test_a_worker_needs_a_pool() -> None:
    _, remarks = translate_values('agent:\n  config:\n    workPool: ""\n', "values.yaml")
    assert [(one.code, one.severity) for one in remarks] == [("C12", Severity.ERROR)]


def test_other_values_are_refused() -> None:
    with pytest.raises(DeployFailed, match="these are not values of the chart prefect-agent"):
        translate_values("worker: {}\n", "values.yaml")
