"""The one filter grammar, for all nouns.

A filter arrives as JSON: `{"operator": "and_", "state": {"type": {"any_": ["RUNNING"]}}, ...}`. It is
parsed here into a tree of `Test`s and `Group`s; the store compiles the tree to SQL. Which fields and
operators a noun has is the table `GRAMMAR` (facts: Prefect API 0.8.4; unknown keys are refused).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from penstock.errors import InvalidRequest

_UUIDS = {"any_": list[UUID]}
_UUIDS_OUT = {**_UUIDS, "not_any_": list[UUID]}
_TEXTS = {"any_": list[str]}
_TEXTS_OUT = {**_TEXTS, "not_any_": list[str]}
_NAME = {**_TEXTS, "like_": str}
_TIME = {"before_": datetime, "after_": datetime}
_TIME_OR_NULL = {**_TIME, "is_null_": bool}
_TAGS = {"all_": list[str], "any_": list[str], "is_null_": bool}
_NULLABLE_UUIDS = {**_UUIDS, "is_null_": bool}
_NULLABLE_TEXTS = {**_TEXTS, "is_null_": bool}

GRAMMAR: dict[str, dict[str, Any]] = {
    "flows": {"id": _UUIDS_OUT, "deployment": {"is_null_": bool}, "name": _NAME, "tags": _TAGS},
    "flow_runs": {
        "id": _UUIDS_OUT,
        "name": _NAME,
        "tags": _TAGS,
        "deployment_id": _NULLABLE_UUIDS,
        "work_queue_name": _NULLABLE_TEXTS,
        "state": {"type": _TEXTS_OUT, "name": _TEXTS_OUT},
        "flow_version": _TEXTS,
        "start_time": _TIME_OR_NULL,
        "end_time": _TIME_OR_NULL,
        "expected_start_time": _TIME,
        "next_scheduled_start_time": _TIME,
        "parent_flow_run_id": _UUIDS,
        "parent_task_run_id": _NULLABLE_UUIDS,
        "idempotency_key": _TEXTS_OUT,
        "created_by": {"id_": list[UUID], "type_": list[str], "is_null_": bool},
    },
    "task_runs": {
        "id": _UUIDS,
        "name": _NAME,
        "tags": _TAGS,
        "state": {"type": _TEXTS, "name": _TEXTS},
        "start_time": _TIME_OR_NULL,
        "end_time": _TIME_OR_NULL,
        "expected_start_time": _TIME,
        "subflow_runs": {"exists_": bool},
        "flow_run_id": _NULLABLE_UUIDS,
    },
    "deployments": {
        "id": _UUIDS_OUT,
        "name": _NAME,
        "flow_or_deployment_name": {"like_": str},
        "paused": {"eq_": bool},
        "tags": _TAGS,
        "work_queue_name": _TEXTS,
        "concurrency_limit": {"ge_": int, "le_": int, "is_null_": bool},
    },
    "work_pools": {"id": _UUIDS, "name": _TEXTS, "type": _TEXTS},
    "work_queues": {"id": _UUIDS, "name": {**_TEXTS, "startswith_": list[str]}},
    "workers": {"last_heartbeat_time": _TIME, "status": _TEXTS_OUT},
    "artifacts": {
        "id": _UUIDS,
        "key": {**_NAME, "exists_": bool},
        "flow_run_id": _UUIDS,
        "task_run_id": _UUIDS,
        "type": _TEXTS_OUT,
    },
    "artifact_collections": {
        "latest_id": _UUIDS,
        "key": {**_NAME, "exists_": bool},
        "flow_run_id": _UUIDS,
        "task_run_id": _UUIDS,
        "type": _TEXTS_OUT,
    },
    "logs": {
        "level": {"ge_": int, "le_": int},
        "timestamp": _TIME,
        "flow_run_id": _UUIDS,
        "task_run_id": _NULLABLE_UUIDS,
        "text": {"query": str},
    },
    "variables": {"id": _UUIDS, "name": _NAME, "tags": _TAGS},
    "block_types": {"name": {"like_": str}, "slug": _TEXTS},
    "block_schemas": {
        "block_type_id": _UUIDS,
        "block_capabilities": {"all_": list[str]},
        "id": _UUIDS,
        "version": _TEXTS,
    },
    "block_documents": {
        "id": _UUIDS,
        "is_anonymous": {"eq_": bool},
        "block_type_id": _UUIDS,
        "name": _NAME,
    },
    "automations": {
        "id": _UUIDS,
        "name": _TEXTS,
        "created": {"before_": datetime},
        "tags": _TAGS,
    },
}
GRAMMAR["work_pool_queues"] = GRAMMAR["work_queues"]


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison: `field` is dotted for nested fields (`state.type`); `op` has no trailing `_`."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    """Parts joined by `and` or `or`; an empty group holds for every row."""

    operator: Literal["and", "or"]
    parts: tuple[Test | Group, ...]


EVERYTHING = Group("and", ())


def parse(noun: str, raw: Mapping[str, Any] | None) -> Group:
    """The tree of a raw filter. Raises `InvalidRequest` with the path of an unknown key or ill-typed value."""
    if not raw:
        return EVERYTHING
    return _group(GRAMMAR[noun], raw, "", (noun,))


def _group(grammar: Mapping[str, Any], raw: Mapping[str, Any], field: str, loc: tuple[str, ...]) -> Group:
    if not isinstance(raw, Mapping):
        raise InvalidRequest("Input should be a valid dictionary", loc=loc)
    operator: Literal["and", "or"] = "and"
    parts: list[Test | Group] = []
    for key, value in raw.items():
        if key == "operator":
            operator = _operator(value, (*loc, key))
        elif key not in grammar:
            raise InvalidRequest(f"Extra inputs are not permitted: {key!r}", loc=(*loc, key))
        elif value is None:
            continue
        elif isinstance(grammar[key], dict):
            parts.append(_group(grammar[key], value, f"{field}.{key}" if field else key, (*loc, key)))
        else:
            parts.append(Test(field, key.rstrip("_"), _value(value, grammar[key], (*loc, key))))
    return Group(operator, tuple(parts))


def _operator(value: Any, loc: tuple[str, ...]) -> Literal["and", "or"]:
    if value == "and_":
        return "and"
    if value == "or_":
        return "or"
    raise InvalidRequest(f"Input should be 'and_' or 'or_', not {value!r}", loc=loc)


def _value(value: Any, kind: Any, loc: tuple[str, ...]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), loc=loc) from None
