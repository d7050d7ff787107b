"""Notification policies of Prefect 2: a message when a run with certain tags comes into certain states.

Each is an automation underneath; `core/notification_policies.py` says which.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Model, Write


class NotificationPolicy(Model):
    """Which runs are told of, and through which block; empty lists mean every state, and runs of any tags."""

    id: UUID
    state_names: list[str]
    tags: list[str]
    block_document_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    is_active: bool = True
    message_template: str | None = None
    """Text with `{names}`; None is the server's own."""


class NotificationPolicyCreate(Write):
    """A new policy."""

    state_names: list[str]
    tags: list[str]
    block_document_id: UUID
    is_active: bool = True
    message_template: str | None = None


class NotificationPolicyUpdate(Write):
    """Changes a policy."""

    is_active: bool | UnsetType | None = UNSET
    state_names: list[str] | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    block_document_id: UUID | UnsetType | None = UNSET
    message_template: str | UnsetType | None = UNSET


class PoliciesWanted(Model):
    """A page of policies; of all, or by `flow_run_notification_policy_filter.is_active.eq_`."""

    flow_run_notification_policy_filter: dict[str, Any] | None = None
    limit: int | None = None
    offset: int | None = None


create_policy = post(
    "/flow_run_notification_policies/", body=NotificationPolicyCreate, returns=NotificationPolicy, status=201
)
filter_policies = post("/flow_run_notification_policies/filter", body=PoliciesWanted, returns=list[NotificationPolicy])
read_policy = get("/flow_run_notification_policies/{id}", returns=NotificationPolicy)
update_policy = patch("/flow_run_notification_policies/{id}", body=NotificationPolicyUpdate)
delete_policy = delete("/flow_run_notification_policies/{id}")
