"""Automations: a trigger over events and the actions it causes."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post, put
from penstock.wire.model import Criteria, Model, Write


class Automation(Model):
    """A trigger and its actions."""

    name: str
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]
    id: UUID
    description: str = ""
    enabled: bool = True
    tags: list[str] = field(default_factory=list)
    actions_on_trigger: list[dict[str, Any]] = field(default_factory=list)
    actions_on_resolve: list[dict[str, Any]] = field(default_factory=list)
    created: datetime | None = None
    updated: datetime | None = None


class AutomationCreate(Write):
    """A new automation; `owner_resource` lets its owner remove it."""

    name: str
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]
    description: str = ""
    enabled: bool = True
    tags: list[str] = field(default_factory=list)
    actions_on_trigger: list[dict[str, Any]] = field(default_factory=list)
    actions_on_resolve: list[dict[str, Any]] = field(default_factory=list)
    owner_resource: str | None = None


class AutomationUpdate(Write):
    """Replaces an automation."""

    name: str | UnsetType
    trigger: dict[str, Any] | UnsetType
    actions: list[dict[str, Any]] | UnsetType
    description: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    actions_on_trigger: list[dict[str, Any]] | UnsetType = UNSET
    actions_on_resolve: list[dict[str, Any]] | UnsetType = UNSET


class AutomationPartialUpdate(Write):
    """Switches an automation on or off."""

    enabled: bool | UnsetType = UNSET


create_automation = post("/automations/", body=AutomationCreate, returns=Automation, status=201)
filter_automations = post("/automations/filter", body=Criteria, returns=list[Automation])
count_automations = post("/automations/count", body=Criteria, returns=int)
automations_related_to = get("/automations/related-to/{resource_id}", returns=list[Automation])
delete_automations_owned_by = delete("/automations/owned-by/{resource_id}", status=202)
read_automation = get("/automations/{id}", returns=Automation)
update_automation = put("/automations/{id}", body=AutomationUpdate, returns=NoneType, status=204)
patch_automation = patch("/automations/{id}", body=AutomationPartialUpdate)
delete_automation = delete("/automations/{id}")
