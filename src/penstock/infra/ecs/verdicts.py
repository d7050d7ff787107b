"""What ECS says of a task, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.infra.exit_codes import NEVER_BEGAN, TERMINATED, of_container
from penstock.infra.protocol import Exit

Task = Mapping[str, Any]

TAKEN = {"SpotInterruption", "TerminationNotice"}
"""Why ECS stops a task through no fault of its own."""
HOST_GONE = ("Host EC2", "host instance")
UNSAID = ("Essential container in task exited",)
MEMORY = "OutOfMemory"


def ending(task: Task, container: str) -> Exit | None:
    """How the task ended; None while it has not.

    A container's end counts once it has a code: taking the network down may go on for half a minute more.
    """
    ours = _ours(task, container)
    stopped = task.get("lastStatus") in ("STOPPED", "DELETED")
    if not stopped and not (ours.get("lastStatus") == "STOPPED" and ours.get("exitCode") is not None):
        return None
    code = ours.get("exitCode")
    stop_code, said = str(task.get("stopCode") or ""), str(task.get("stoppedReason") or "")
    taken = stop_code in TAKEN or any(said.startswith(words) for words in HOST_GONE)
    return Exit(
        of_container(int(code)) if code is not None else _untold(stop_code),
        reason=_why(ours, stop_code, said) if code != 0 else "",
        lost=taken and code != 0,
    )


def began(task: Task) -> bool:
    """Whether the task has got as far as running."""
    return task.get("lastStatus") not in (None, "PROVISIONING", "PENDING", "ACTIVATING")


def holdup(task: Task) -> str:
    """How far a task has got that does not run."""
    container = " ".join(
        f"{one.get('name')}: {one['reason']}" for one in task.get("containers") or [] if "reason" in one
    )
    return f"It is {str(task.get('lastStatus') or 'unknown').lower()}. {container}".strip()


def _untold(stop_code: str) -> int | None:
    if stop_code == "TaskFailedToStart":
        return NEVER_BEGAN
    return TERMINATED if stop_code == "UserInitiated" else None


def _why(container: Task, stop_code: str, said: str) -> str:
    own = str(container.get("reason") or "")
    if own.startswith(MEMORY):
        return f"The container was killed for want of memory ({own})."
    told = own if own and own in said else " ".join(filter(None, [own, said if said not in UNSAID else ""]))
    if not told:
        return ""
    return f"{stop_code}: {told}" if stop_code and stop_code != "EssentialContainerExited" else told


def _ours(task: Task, container: str) -> Task:
    every = task.get("containers") or []
    return next((one for one in every if one.get("name") == container), {})
