"""The base job templates that a pool has had, newest first."""

from __future__ import annotations

from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.store.database import Steps, intent
from penstock.store.statements import load
from penstock.wire.model import encode
from penstock.wire.pool_templates import PoolTemplate
from penstock.wire.work_pools import WorkPool

SQL = load("pool_templates")

MOST_KEPT = 100
"""Older templates of a pool are forgotten."""


def keep(pool: WorkPool) -> Steps[None]:
    """Keeps a pool's template as its newest, if it is another than before."""
    template = encode(pool.base_job_template).decode()
    rows = yield SQL.newest(pool_id=str(pool.id))
    number, last = rows[0] if rows else (0, None)
    if template == last or pool.updated is None:
        return
    created = to_micros(pool.updated)
    yield SQL.add(pool_id=str(pool.id), number=number + 1, created=created, template=template)
    yield SQL.forget_old(pool_id=str(pool.id), number=number + 1 - MOST_KEPT)


@intent
def list_templates(pool_id: UUID) -> Steps[list[PoolTemplate]]:
    """A pool's templates, the one in use first. A pool made before templates were kept has none until it changes."""
    rows = yield SQL.list_templates(pool_id=str(pool_id))
    return [
        PoolTemplate(number=number, created=from_micros(created), base_job_template=msgspec.json.decode(template))
        for number, created, template in rows
    ]
