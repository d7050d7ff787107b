"""Which deployments of a plan a command means: names, `flow/name`, either with `*` for any text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradePlan
from penstock.errors import NotFound
from penstock.names import nearest


def select(plan: UpgradePlan, names: Sequence[str]) -> UpgradePlan:
    """The part of the plan that the names mean, or all of it. `NotFound` tells of a name that means nothing."""
    if not names:
        return plan
    for name in names:
        if not any(means(name, one) for one in plan.deployments):
            raise NotFound(_unknown(name, [one.old.full_name for one in plan.deployments]))
    chosen = tuple(one for one in plan.deployments if any(means(name, one) for name in names))
    return replace(plan, deployments=chosen, notes=())


def means(name: str, one: DeploymentUpgrade) -> bool:
    """Whether a name as a command has it means this deployment."""
    text = one.old.full_name if "/" in name else one.old.deployment.name
    return re.fullmatch(".*".join(map(re.escape, name.split("*"))), text, re.DOTALL) is not None


def _unknown(name: str, known: Iterable[str]) -> str:
    every = list(known)
    if not every:
        return f"There is no deployment {name!r}: the server has none."
    meant = nearest(name, every if "/" in name else [one.rpartition("/")[2] for one in every])
    hint = f" Did you mean {meant!r}?" if meant else " `penstock deployment ls` lists them."
    return f"There is no deployment {name!r}.{hint}"
