"""Notification policies of Prefect 2 as automations, and back: an automation of theirs says all that a policy does.

A policy's message has `{names}` of eleven facts; an automation's has expressions for the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any
from uuid import UUID

from penstock.errors import InvalidRequest
from penstock.names import nearest
from penstock.wire.automations import Automation
from penstock.wire.notification_policies import NotificationPolicy

OWNER = "prefect.flow-run-notification-policies"
"""Whose the automations are that stand for policies."""
FACTS: Mapping[str, str] = {
    "flow_run_notification_policy_id": "{{ automation.id }}",
    "flow_id": "{{ flow.id }}",
    "flow_name": "{{ flow.name }}",
    "flow_run_url": "{{ flow_run|ui_url }}",
    "flow_run_id": "{{ flow_run.id }}",
    "flow_run_name": "{{ flow_run.name }}",
    "flow_run_parameters": "{{ flow_run.parameters }}",
    "flow_run_state_type": "{{ flow_run.state.type }}",
    "flow_run_state_name": "{{ flow_run.state.name }}",
    "flow_run_state_timestamp": "{{ flow_run.state.timestamp }}",
    "flow_run_state_message": "{{ flow_run.state.message }}",
}
DEFAULT_MESSAGE = (
    "The run {flow_run_name} of {flow_name} is {flow_run_state_name} since {flow_run_state_timestamp}.\n"
    "{flow_run_state_message}\n{flow_run_url}\n"
)
_NAMES = {expression: name for name, expression in FACTS.items()}
_EXPRESSION = re.compile("|".join(map(re.escape, _NAMES)))
_STATE, _TAG = "prefect.flow-run.", "prefect.tag."


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """What a policy says, apart from its name and age."""

    state_names: list[str]
    tags: list[str]
    block_document_id: UUID
    is_active: bool = True
    message_template: str | None = None


def automation_fields(policy: PolicyFields) -> dict[str, Any]:
    """The fields of the automation that does what a policy says. `InvalidRequest` for a message with unknown names."""
    states, tags = policy.state_names, policy.tags
    related = {"prefect.resource.role": "tag", "prefect.resource.id": [_TAG + tag for tag in tags]}
    trigger = {
        "type": "event",
        "posture": "Reactive",
        "match": {"prefect.resource.id": f"{_STATE}*"},
        "match_related": related if tags else {},
        "expect": [_STATE + state for state in states] or [f"{_STATE}*"],
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": 0,
    }
    action = {
        "type": "send-notification",
        "block_document_id": str(policy.block_document_id),
        "subject": "Prefect flow run notification",
        "body": _expressions(policy.message_template or DEFAULT_MESSAGE),
    }
    which = f" of runs tagged {', '.join(tags)}" if tags else ""
    return {
        "name": f"Notification on {', '.join(states) or 'every state'}{which}",
        "enabled": policy.is_active,
        "trigger": trigger,
        "actions": [action],
    }


def policy_of(automation: Automation) -> NotificationPolicy:
    """The policy that an automation made by `automation_fields` stands for."""
    trigger, action = automation.trigger, automation.actions[0]
    tags = trigger["match_related"].get("prefect.resource.id", [])
    message = _names(action["body"])
    return NotificationPolicy(
        id=automation.id,
        created=automation.created,
        updated=automation.updated,
        is_active=automation.enabled,
        state_names=[one.removeprefix(_STATE) for one in trigger["expect"] if not one.endswith("*")],
        tags=[one.removeprefix(_TAG) for one in tags],
        block_document_id=UUID(action["block_document_id"]),
        message_template=None if message == DEFAULT_MESSAGE else message,
    )


def _expressions(message: str) -> str:
    try:
        parts = list(Formatter().parse(message))
    except ValueError as error:
        raise InvalidRequest(f"The message can't be read: {error}.", loc=("body", "message_template")) from None
    for _, name, _, _ in parts:
        if name is not None and name not in FACTS:
            near = nearest(name, list(FACTS))
            meant = f"did you mean {near!r}?" if near else f"there are: {', '.join(FACTS)}."
            raise InvalidRequest(f"{name!r} is not known in a message; {meant}", loc=("body", "message_template"))
    return "".join(text + (FACTS[name] if name else "") for text, name, _, _ in parts)


def _names(body: str) -> str:
    """The message again; braces that are text are written twice."""
    done, end = "", 0
    for found in _EXPRESSION.finditer(body):
        done += _doubled(body[end : found.start()]) + "{" + _NAMES[found[0]] + "}"
        end = found.end()
    return done + _doubled(body[end:])


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
