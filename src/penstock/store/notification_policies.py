"""The automations that stand for notification policies of Prefect 2."""

from __future__ import annotations

from uuid import UUID

from penstock.core.notification_policies import OWNER
from penstock.store.automations import AUTOMATIONS
from penstock.store.database import Steps, intent
from penstock.store.statements import load
from penstock.wire.automations import Automation

SQL = load("notification_policies")


@intent
def page(active: bool | None, limit: int, offset: int) -> Steps[list[Automation]]:
    """Those of all policies, the oldest first; or of those that are active, or are not."""
    where = {"owner_resource": OWNER, "limit": limit, "offset": offset}
    rows = yield SQL.page(**where) if active is None else SQL.page_by_activity(**where, enabled=active)
    return [AUTOMATIONS.decode(row[0]) for row in rows]


@intent
def read(id: UUID) -> Steps[Automation | None]:
    """That of one policy."""
    rows = yield SQL.policy_by_id(id=str(id), owner_resource=OWNER)
    return AUTOMATIONS.decode(rows[0][0]) if rows else None
