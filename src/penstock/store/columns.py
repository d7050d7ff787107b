"""What the filter compiler knows about each noun: its table, its fields, its neighbours, its sorts.

A field that is not named here is the column of the same name. `{t}` stands for the noun's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_NEWEST = {"ID_DESC": "{t}.id desc"}
_CHANGES = {"CREATED_DESC": "{t}.created desc, {t}.id desc", "UPDATED_DESC": "{t}.updated desc, {t}.id desc"}
_NAMES = {"NAME_ASC": "{t}.name, {t}.id", "NAME_DESC": "{t}.name desc, {t}.id desc"}
_KEYS = {"KEY_ASC": "{t}.key, {t}.id", "KEY_DESC": "{t}.key desc, {t}.id desc"}
_EXPECTED = {
    "EXPECTED_START_TIME_ASC": "{t}.expected_start_time, {t}.id",
    "EXPECTED_START_TIME_DESC": "{t}.expected_start_time desc, {t}.id desc",
    "NEXT_SCHEDULED_START_TIME_ASC": "{t}.next_scheduled_start_time, {t}.id",
    "END_TIME_DESC": "{t}.end_time desc, {t}.id desc",
}
STARTED = "coalesce({t}.start_time, {t}.expected_start_time)"
"""When a run began, or should."""
_STATE = {"state.type": "{t}.state_type", "state.name": "{t}.state_name"}


@dataclass(frozen=True, slots=True)
class Noun:
    """How a noun's filter fields, sorts and neighbours are found; the first sort is the default.

    `fields` maps a filter field to its SQL, `nulls` to the SQL of its null test where that differs, `json`
    to the path in the document of what no column holds; `joins` to the condition on a neighbour's row.
    """

    table: str
    sorts: Mapping[str, str]
    fields: Mapping[str, str] = field(default_factory=dict)
    nulls: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    joins: Mapping[str, str] = field(default_factory=dict)
    has_key: bool = True
    """Whether a row is found quickly by its id."""


POOL_OF_QUEUE = "work_pools.id in (select q.work_pool_id from work_queues q where q.id = {t}.work_queue_id)"
"""How the pool is found of what is in a queue."""
_QUEUES_OF = "(select q.work_pool_id from {via} x join work_queues q on q.id = x.work_queue_id where {on})"

NOUNS: dict[str, Noun] = {
    "flows": Noun(
        "flows",
        {**_NAMES, **_CHANGES},
        joins={
            "flow_runs": "flow_runs.flow_id = {t}.id",
            "task_runs": "task_runs.flow_run_id in (select x.id from flow_runs x where x.flow_id = {t}.id)",
            "deployments": "deployments.flow_id = {t}.id",
            "work_pools": "work_pools.id in " + _QUEUES_OF.format(via="deployments", on="x.flow_id = {t}.id"),
        },
    ),
    "flow_runs": Noun(
        "flow_runs",
        {
            **_NEWEST,
            **_EXPECTED,
            **_NAMES,
            "START_TIME_ASC": STARTED + ", {t}.id",
            "START_TIME_DESC": STARTED + " desc, {t}.id desc",
        },
        fields={
            **_STATE,
            "start_time": STARTED,
            "work_queue_name": "(select q.name from work_queues q where q.id = {t}.work_queue_id)",
            "parent_flow_run_id": "(select x.flow_run_id from task_runs x where x.id = {t}.parent_task_run_id)",
        },
        nulls={"start_time": "{t}.start_time"},
        json={
            "flow_version": ("flow_version",),
            "created_by": ("created_by",),
        },
        joins={
            "flows": "flows.id = {t}.flow_id",
            "task_runs": "task_runs.flow_run_id = {t}.id",
            "deployments": "deployments.id = {t}.deployment_id",
            "work_queues": "work_queues.id = {t}.work_queue_id",
            "work_pools": POOL_OF_QUEUE,
        },
    ),
    "task_runs": Noun(
        "task_runs",
        {**_NEWEST, **_EXPECTED, **_NAMES},
        fields={**_STATE, "start_time": STARTED},
        nulls={"start_time": "{t}.start_time"},
        joins={
            "flow_runs": "flow_runs.id = {t}.flow_run_id",
            "flows": "flows.id in (select x.flow_id from flow_runs x where x.id = {t}.flow_run_id)",
            "deployments": "deployments.id in (select x.deployment_id from flow_runs x where x.id = {t}.flow_run_id)",
            "work_queues": "work_queues.id in (select x.work_queue_id from flow_runs x where x.id = {t}.flow_run_id)",
            "work_pools": "work_pools.id in " + _QUEUES_OF.format(via="flow_runs", on="x.id = {t}.flow_run_id"),
        },
    ),
    "deployments": Noun(
        "deployments",
        {**_NAMES, **_CHANGES},
        fields={"work_queue_name": "(select q.name from work_queues q where q.id = {t}.work_queue_id)"},
        joins={
            "flows": "flows.id = {t}.flow_id",
            "flow_runs": "flow_runs.deployment_id = {t}.id",
            "task_runs": "task_runs.flow_run_id in (select x.id from flow_runs x where x.deployment_id = {t}.id)",
            "work_queues": "work_queues.id = {t}.work_queue_id",
            "work_pools": POOL_OF_QUEUE,
        },
    ),
    "work_pools": Noun("work_pools", {"NAME_ASC": "{t}.name"}),
    "work_queues": Noun(
        "work_queues",
        {"PRIORITY_ASC": "{t}.priority, {t}.name"},
        joins={"work_pools": "work_pools.id = {t}.work_pool_id"},
    ),
    "workers": Noun(
        "workers",
        {"LAST_HEARTBEAT_DESC": "{t}.last_heartbeat_time desc, {t}.id"},
        joins={"work_pools": "work_pools.id = {t}.work_pool_id"},
    ),
    "artifacts": Noun(
        "artifacts",
        {**_NEWEST, **_CHANGES, **_KEYS},
        joins={
            "flow_runs": "flow_runs.id = {t}.flow_run_id",
            "task_runs": "task_runs.id = {t}.task_run_id",
            "flows": "flows.id in (select x.flow_id from flow_runs x where x.id = {t}.flow_run_id)",
            "deployments": "deployments.id in (select x.deployment_id from flow_runs x where x.id = {t}.flow_run_id)",
        },
    ),
    "logs": Noun(
        "logs",
        {
            "TIMESTAMP_ASC": "{t}.timestamp, {t}.id",
            "TIMESTAMP_DESC": "{t}.timestamp desc, {t}.id desc",
        },
        json={"text": ("message",)},
        has_key=False,
    ),
    "variables": Noun("variables", {**_NAMES, **_CHANGES}),
    "block_types": Noun(
        "block_types",
        {"NAME_ASC": "{t}.name, {t}.id"},
        joins={"block_schemas": "block_schemas.block_type_id = {t}.id"},
    ),
    "block_schemas": Noun("block_schemas", _NEWEST, fields={"block_capabilities": "{t}.capabilities"}),
    "block_documents": Noun(
        "block_documents",
        {**_NAMES, "BLOCK_TYPE_AND_NAME_ASC": "{t}.block_type_name, {t}.name"},
        joins={
            "block_types": "block_types.id = {t}.block_type_id",
            "block_schemas": "block_schemas.id = {t}.block_schema_id",
        },
    ),
    "automations": Noun("automations", {**_NAMES, **_CHANGES}),
    "saved_searches": Noun("saved_searches", {"NAME_ASC": "{t}.name"}),
}
NOUNS["artifact_collections"] = Noun("artifact_collections", NOUNS["artifacts"].sorts, joins=NOUNS["artifacts"].joins)
NOUNS["work_pool_queues"] = NOUNS["work_queues"]
