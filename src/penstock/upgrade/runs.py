"""The runs that an upgrade meets: those that wait go along, those that are claimed end where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from penstock.client.client import Client
from penstock.client.lists import chunks, each_of
from penstock.wire import flow_runs
from penstock.wire.model import Criteria

FEW = 400
"""So many runs are looked at rather than counted again in halves."""
AUTO = "auto-scheduled"
"""The tag of runs that a schedule made."""
CLAIMED = ("PENDING", "RUNNING", "CANCELLING")


def waiting_runs(client: Client, ids: Sequence[UUID]) -> Counter[UUID]:
    """Runs that wait and that no schedule made, by deployment; counted first, since most often there are none."""
    found: Counter[UUID] = Counter()
    for some in chunks(ids):
        _count_waiting(client, some, found)
    return found


def unfinished_runs(client: Client, ids: Sequence[UUID]) -> Counter[UUID]:
    """Runs that are claimed and have not ended, by deployment."""
    found: Counter[UUID] = Counter()
    for some in chunks(ids):
        claimed = {"state": {"type": {"any_": list(CLAIMED)}}, "deployment_id": {"any_": [str(id) for id in some]}}
        runs = each_of(client, flow_runs.filter_flow_runs, flow_runs=claimed)
        found.update(run.deployment_id for run in runs if run.deployment_id)
    return found


def _count_waiting(client: Client, ids: Sequence[UUID], found: Counter[UUID]) -> None:
    waits = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [str(id) for id in ids]}}
    every = client.call(flow_runs.count_flow_runs, Criteria(flow_runs=waits))
    by_hand = every and every - client.call(
        flow_runs.count_flow_runs, Criteria(flow_runs={**waits, "tags": {"all_": [AUTO]}})
    )
    if not by_hand:
        return
    if len(ids) == 1:
        found[ids[0]] = by_hand
    elif every <= FEW:
        for run in each_of(client, flow_runs.filter_flow_runs, flow_runs=waits):
            if run.deployment_id and AUTO not in run.tags:
                found[run.deployment_id] += 1
    else:
        half = len(ids) // 2
        _count_waiting(client, ids[:half], found)
        _count_waiting(client, ids[half:], found)
