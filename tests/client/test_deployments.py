"""Bringing a plan to a server that is not Penstock's."""

from __future__ import annotations

import pytest

from penstock.client.client import Client
from penstock.client.deployments import Outcome, apply
from penstock.core.deployment_plans import DeploymentPlan
from penstock.errors import DeployFailed
from tests.client.conftest import Answer, Script

ID = "00000000-0000-0000-0000-000000000001"
GONE: Answer = (404, {}, {"detail": "Not Found"})
CONFLICT: Answer = (409, {}, {"detail": "Data integrity conflict."})
FLOW: Answer = (201, {}, {"id": ID, "name": "f"})
MADE: Answer = (201, {}, {"id": ID, "name": "d", "flow_id": ID})
PLAN = DeploymentPlan("f", "d", "flows.py:f")


def test_a_conflict_of_the_servers_own_writes_is_tried_once_more(script: Script, client: Client) -> None:
    script.answers += [GONE, FLOW, GONE, CONFLICT, GONE, GONE, FLOW, GONE, MADE]
    assert apply(client, PLAN).outcome is Outcome.CREATED
    assert not script.answers


def test_a_conflict_that_stays_is_told(script: Script, client: Client) -> None:
    script.answers += [GONE, FLOW, GONE, CONFLICT, GONE, GONE, FLOW, GONE, CONFLICT]
    with pytest.raises(DeployFailed, match="f/d was not deployed: Data integrity conflict"):
        apply(client, PLAN)
