"""The driver of the type `azure-container-instance`.

The pool's ARM template is deployed under a name of the run and the attempt. Azure would take a second deployment of
the same name for a change of the first, so a start looks first; a deployment that is under way Azure refuses itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import ClassVar

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.ids import new_id
from penstock.infra import cloud_names
from penstock.infra.azure import Azure, Data, sign_in, words
from penstock.infra.container_instances.template import deployment
from penstock.infra.container_instances.variables import ContainerInstanceConfiguration, ContainerInstanceVariables
from penstock.infra.polling import Absent, AlreadyThere, Pace, PolledInfrastructure, RemoteJob, growing
from penstock.infra.protocol import Exit, Job
from penstock.infra.templates import fill

DEPLOYMENTS, GROUPS = "2021-04-01", "2023-05-01"
"""The versions of the two APIs."""
MARK = "penstock-start"
LONGEST_NAME = 63
LAST_LETTERS = 4000
TERMINATED, NEVER_BEGAN = -15, 125
TAKEN = ("evict", "preempt")
"""Words of Azure's last event for a group that was taken away through no fault of its own."""


class ContainerInstances(PolledInfrastructure):
    """Starts, watches and stops container groups. `endpoint` is another Resource Manager, for tests."""

    kind: ClassVar[str] = "azure-container-instance"
    Variables: ClassVar[type[msgspec.Struct]] = ContainerInstanceVariables

    def __init__(self, endpoint: str | None = None, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self._endpoint = endpoint

    async def attach(self, job: Job) -> RemoteJob:
        wanted = fill(ContainerInstanceConfiguration, job.configuration)
        name = cloud_names.resource_name(job.identity, LONGEST_NAME)
        body = deployment(wanted, name, job.command, job.env, {MARK: new_id().hex})
        account = await asyncio.to_thread(sign_in, wanted.aci_credentials, self._endpoint)
        return ContainerGroup(account, wanted, name, body, self.pace)


class ContainerGroup:
    """One container group, and the deployment that made it."""

    def __init__(
        self, account: Azure, wanted: ContainerInstanceConfiguration, name: str, body: Data, pace: Pace
    ) -> None:
        self.pid = name
        self.poll_seconds = wanted.task_watch_poll_interval
        self._account = account
        self._body = body
        self._pace = pace
        self._start_seconds = wanted.task_start_timeout_seconds
        self._since = asyncio.get_running_loop().time()
        providers = f"/subscriptions/{wanted.subscription_id}/resourceGroups/{wanted.resource_group_name}/providers"
        self._deployment = f"{providers}/Microsoft.Resources/deployments/{name}"
        self._group = f"{providers}/Microsoft.ContainerInstance/containerGroups/{name}"
        self._logs = f"{self._group}/containers/{name}/logs"

    async def create(self) -> None:
        try:
            mark = (await self._account.call("GET", self._deployment, DEPLOYMENTS)).get("tags", {}).get(MARK)
        except Absent:
            await self._account.call("PUT", self._deployment, DEPLOYMENTS, self._body)
            return
        if mark != self._body["tags"][MARK]:
            raise AlreadyThere(self.pid)

    async def begin(self) -> None:
        """A group begins by itself."""

    async def exists(self) -> bool:
        try:
            await self._account.call("GET", self._deployment, DEPLOYMENTS)
        except Absent:
            return False
        return True

    async def look(self) -> Exit | None:
        made = (await self._account.call("GET", self._deployment, DEPLOYMENTS))["properties"]
        if made.get("provisioningState") in ("Failed", "Canceled"):
            return Exit(
                NEVER_BEGAN, reason=f"Azure could not deploy the container group. {words(made.get('error') or {})}"
            )
        try:
            group = (await self._account.call("GET", self._group, GROUPS))["properties"]
        except Absent:
            if made.get("provisioningState") == "Succeeded":
                raise
            return await self._unless_late("nothing was made yet")
        return await self._ending(group)

    async def cancel(self) -> None:
        await self._account.call("POST", f"{self._group}/stop", GROUPS)

    async def remove(self) -> None:
        with suppress(Absent):
            await self._account.call("DELETE", self._group, GROUPS)
        await self._account.call("DELETE", self._deployment, DEPLOYMENTS)

    async def tidy(self) -> None:
        await self.remove()

    def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        return growing(self._text, ended, self._pace, self.poll_seconds)

    async def _text(self) -> str:
        return str((await self._account.call("GET", self._logs, GROUPS)).get("content") or "")

    async def _ending(self, group: Data) -> Exit | None:
        view = group["containers"][0]["properties"].get("instanceView") or {}
        state = view.get("currentState") or {}
        stopped = (group.get("instanceView") or {}).get("state") == "Stopped"
        if stopped or state.get("state") == "Terminated":
            text = (await self._last_text())[-LAST_LETTERS:]
            if stopped:
                return _stopped(view, text)
            return Exit(state.get("exitCode"), text, reason=_reason(state, view))
        return None if state.get("state") == "Running" else await self._unless_late(_last_event(view))

    async def _last_text(self) -> str:
        try:
            return await self._text()
        except (Absent, InfrastructureFailed):
            return ""

    async def _unless_late(self, last: str) -> Exit | None:
        """Ends what does not come to run in time, such as a group whose image can't be pulled."""
        if asyncio.get_running_loop().time() - self._since < self._start_seconds:
            return None
        with suppress(Absent):
            await self._account.call("DELETE", self._group, GROUPS)
        return Exit(NEVER_BEGAN, reason=f"The container did not start in {self._start_seconds:g} s: {last}")


def _stopped(view: Data, text: str) -> Exit:
    """By somebody, or by Azure, which takes spot groups away."""
    last = _last_event(view)
    if any(word in last.lower() for word in TAKEN):
        return Exit(TERMINATED, text, reason=f"Azure took the container group away: {last}", lost=True)
    return Exit(TERMINATED, text, reason="The container group was stopped.")


def _reason(state: Data, view: Data) -> str:
    if state.get("exitCode") == 0:
        return ""
    detail = state.get("detailStatus") or "Error"
    return f"Azure says {detail}. {_last_event(view)}".strip()


def _last_event(view: Data) -> str:
    events = view.get("events") or []
    return str(events[-1].get("message", "")) if events else "no event"
