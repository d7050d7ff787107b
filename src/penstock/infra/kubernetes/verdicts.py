"""What a cluster's word about a job, its pods and their events means: over or not, why, and why not yet begun."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from penstock.infra.exit_codes import TERMINATED, of_container
from penstock.infra.kubernetes.seen import ClusterJob, Condition, ContainerStatus, Event, Pod, Terminated
from penstock.infra.protocol import Exit

WITHOUT_HOPE = {"InvalidImageName", "ErrImageNeverPull"}
"""Why a container waits that no amount of waiting changes."""
UNSAID = {"Error", "Completed", "ContainerStatusUnknown"}
"""Reasons that say nothing the exit code does not."""
PULLING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
LATE = "DeadlineExceeded"
UNTOLD = "The job was deleted in the cluster, and nothing says how it ended."
DISRUPTIONS = {
    "PreemptionByScheduler": "It had to give way to a pod of higher priority",
    "DeletionByTaintManager": "The pod's node was lost, or is not to run it any more",
    "EvictionByEvictionAPI": "The pod was evicted, as when a node is drained",
    "DeletionByPodGC": "The pod's node is gone",
    "TerminationByKubelet": "The node ended the pod",
}


@dataclass(slots=True)
class View:
    """All that is known of a job. `gone` says that the cluster does not have it any more."""

    job: ClusterJob | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    removed: dict[str, Pod] = field(default_factory=dict)
    """Pods that were and are no more, as they were seen last."""
    events: dict[str, Event] = field(default_factory=dict)
    gone: bool = False

    @property
    def pod(self) -> Pod | None:
        """The newest, if possible one that is still there."""
        every = list(self.pods.values()) or list(self.removed.values())
        return max(every, key=lambda pod: pod.metadata.creation_timestamp or "", default=None)

    @property
    def began(self) -> bool:
        """Whether the job's container was ever seen running or ended."""
        every = [*self.pods.values(), *self.removed.values()]
        return any(pod.state.running is not None or pod.state.terminated for pod in every)

    @property
    def suspended(self) -> bool:
        """Whether somebody else, such as a queue of the cluster, says when the job may begin."""
        return bool(self.job and self.job.spec.suspend)

    @property
    def runs_on(self) -> bool:
        """Whether another container keeps the pod at work though the job's own has ended."""
        statuses = (self.pod.status.container_statuses or []) if self.pods and self.pod else []
        return any(status.state.running is not None for status in statuses)

    @property
    def replaces_pods(self) -> bool:
        """Whether a pod that failed is not the end: the manifest allows for another, or for another try in the same."""
        backoff = self.job.spec.backoff_limit if self.job else 0
        return backoff > 0 or (self.pod is not None and self.pod.spec.restart_policy != "Never")


def ending(view: View) -> Exit | None:
    """How the job ended; None while it has not."""
    pod = view.pod
    if pod and (ended := pod.state.terminated) and (ended.exit_code == 0 or not view.replaces_pods):
        return _exit(pod)
    if pod and pod.status.phase in ("Succeeded", "Failed") and not view.replaces_pods:
        return _exit(pod)
    if any(not _over(one) for one in view.pods.values()):
        return None
    if view.job and view.job.verdict:
        return _by_the_job(view.job.verdict, pod)
    return _vanished(view) if view.gone else None


def holdup(view: View) -> str:
    """Why the job's container has not begun, in one sentence."""
    pod = view.pod
    if view.suspended:
        return "The job is suspended: what suspended it says when it may begin."
    if pod is None:
        refused = _last(view.events.values(), "Job", {"FailedCreate"})
        return f"No pod could be created: {refused}" if refused else "No pod was created for the job yet."
    scheduled = pod.condition("PodScheduled")
    if scheduled and not scheduled.holds:
        return f"No node can take the pod: {scheduled.message or scheduled.reason}"
    for status in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
        if waiting := _waiting(view, status):
            return waiting
    warned = _last((one for one in view.events.values() if one.type == "Warning"), "Pod", None)
    return f"The container is not made yet: {warned}" if warned else "The pod waits for its container to begin."


def hopeless(view: View) -> bool:
    """Whether waiting can't help."""
    return bool(view.pod and view.pod.state.waiting and view.pod.state.waiting.reason in WITHOUT_HOPE)


def _waiting(view: View, status: ContainerStatus) -> str:
    waiting = status.state.waiting
    if waiting is None or waiting.reason in (None, "ContainerCreating", "PodInitializing"):
        return ""
    if waiting.reason in PULLING:
        pulled = (event for event in view.events.values() if " image" in (event.message or "").lower())
        told = _last(pulled, "Pod", {"Failed", "InspectFailed"}) or waiting.message or "no reason was given"
        return f"The image {status.image!r} can't be pulled ({waiting.reason}): {told}"
    told = _last(view.events.values(), "Pod", {"Failed", "FailedMount", "BackOff"})
    return f"The container {status.name!r} can't begin ({waiting.reason}): {waiting.message or told}"


def _exit(pod: Pod) -> Exit:
    """By what is known of the pod; a deadline that has passed is no loss of what it ran on."""
    ended, late = pod.state.terminated, pod.status.reason == LATE
    code = (
        of_container(ended.exit_code)
        if ended
        else 0
        if pod.status.phase == "Succeeded"
        else TERMINATED
        if late
        else None
    )
    disrupted = pod.condition("DisruptionTarget")
    taken = bool(pod.status.reason and not late) or bool(disrupted and disrupted.holds)
    return Exit(code, reason=_why(pod, ended), lost=taken and code != 0)


def _by_the_job(verdict: Condition, pod: Pod | None) -> Exit:
    if verdict.type == "Complete":
        return Exit(0)
    found = _exit(pod) if pod else Exit(None)
    if found.code is None and verdict.reason == LATE:
        found = replace(found, code=TERMINATED)
    said = f"The job failed ({verdict.reason}): {verdict.message}"
    return replace(found, reason=" ".join(filter(None, [found.reason, said])))


def _vanished(view: View) -> Exit:
    if view.pod is None or not view.began:
        return Exit(None, reason="The job was deleted before its container began.")
    found = _exit(view.pod)
    return found if found.reason else replace(found, reason=UNTOLD)


def _why(pod: Pod, ended: Terminated | None) -> str:
    """The cluster's words for the end of a pod; nothing when the container simply ended by itself."""
    if ended and ended.reason == "OOMKilled":
        return "The container was killed for want of memory (OOMKilled)."
    disrupted = pod.condition("DisruptionTarget")
    if pod.status.reason:
        return _sentence(pod.status.reason, pod.status.message)
    if disrupted and disrupted.holds:
        known = DISRUPTIONS.get(disrupted.reason or "", "The pod was disrupted")
        return _sentence(f"{known} ({disrupted.reason})", disrupted.message)
    if ended and ended.reason not in UNSAID and ended.reason:
        return _sentence(ended.reason, ended.message)
    broken = next((one for one in pod.status.init_container_statuses or [] if _failed(one)), None)
    if broken and broken.state.terminated:
        return f"The init container {broken.name!r} failed with exit code {broken.state.terminated.exit_code}."
    return ""


def _sentence(reason: str, message: str | None) -> str:
    return f"{reason}: {message}" if message else f"{reason}."


def _failed(status: ContainerStatus) -> bool:
    return bool(status.state.terminated and status.state.terminated.exit_code)


def _over(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed") or pod.state.terminated is not None


def _last(events: Iterable[Event], kind: str, reasons: set[str] | None) -> str:
    """What the newest event of this kind and one of these reasons says."""
    fitting = [
        event
        for event in events
        if event.involved_object.kind == kind and event.message and (reasons is None or event.reason in reasons)
    ]
    newest = max(fitting, key=lambda event: _order(event.metadata.resource_version), default=None)
    return newest.message or "" if newest else ""


def _order(version: str) -> tuple[int, str]:
    """Later versions are longer or greater."""
    return (len(version), version)
