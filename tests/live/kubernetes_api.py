"""A double of a Kubernetes API server: jobs, pods, logs, events and watches over HTTP, told by a test what happens.

It is no cluster: nothing runs, and pods end when a test says so. What is real is the conversation: every manifest
is checked against the official schema (strictly: what Kubernetes would drop is refused), a name is taken once,
lists have versions and pages, and watches send changes, bookmarks, nonsense and 410 until they are cut.
"""

from __future__ import annotations

import copy
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types

from tests.live.cloud_http import Fault

VERSION = "1.34"
Data = dict[str, Any]
PATIENCE = 20.0


@dataclass
class Behaviour:
    """What becomes of a pod by itself. Without an exit code it runs until it is deleted."""

    code: int | None = None
    output: str = ""
    waits: Data | None = None
    """The container's `waiting` state: it never begins."""
    unschedulable: str = ""
    deaf: bool = False
    """The container does not end when it is asked to."""


@dataclass
class Cluster:
    """The double: what there is in one namespace, and everything that ever changed."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    """By image."""
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    things: dict[str, dict[str, Data]] = field(default_factory=lambda: {"jobs": {}, "pods": {}, "events": {}})
    changes: list[tuple[int, str, str, Data]] = field(default_factory=list)
    oldest: int = 0
    """Watches from before this version are answered with 410."""
    logs: dict[str, list[str]] = field(default_factory=dict)
    page: int = 500
    address: str = ""
    version: int = 100
    generation: int = 0
    """Watches and log streams of an earlier one are cut."""

    def __post_init__(self) -> None:
        self.news = threading.Condition(threading.RLock())

    # What a test does to it.

    def cut(self) -> None:
        """Every watch and log stream is cut, in the middle of whatever it says."""
        with self.news:
            self.generation += 1
            self.news.notify_all()

    def expire(self) -> None:
        """Whoever watches is told that its version is too old."""
        with self.news:
            self.version += 1
            self.oldest = self.version
            self.news.notify_all()

    def repeat(self) -> None:
        """Everything is told again, as after a change that changed nothing; bookmarks come along."""
        with self.news:
            for kind, things in self.things.items():
                for thing in list(things.values()):
                    self._changed("MODIFIED", kind, thing)
                    self.changes.append((self.version, kind, "MODIFIED", copy.deepcopy(thing)))
                self.changes.append((self.version, kind, "BOOKMARK", {"metadata": _meta(str(self.version))}))
            self.news.notify_all()

    def pod(self, timeout: float = PATIENCE) -> Data:
        """The only pod, once it is there."""
        with self.news:
            assert self.news.wait_for(lambda: self.things["pods"], timeout), "no pod was created"
            [pod] = self.things["pods"].values()
            return pod

    def job(self) -> Data:
        """The only job, as it was sent."""
        with self.news:
            [job] = self.things["jobs"].values()
            return job

    def watched(self, kind: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Returns once a watch of this kind was asked for so many times."""
        with self.news:
            assert self.news.wait_for(
                lambda: sum(one.startswith("WATCH") and f"/{kind}?" in one for one in self.asked) >= times, timeout
            ), self.asked

    def event(self, about: Data, reason: str, message: str, kind: str = "Pod") -> None:
        """Something is told of a thing."""
        with self.news:
            name = f"{about['metadata']['name']}.{uuid4().hex[:8]}"
            involved = {"kind": kind, "name": about["metadata"]["name"], "uid": about["metadata"]["uid"]}
            event = {"metadata": {"name": name, "uid": name}, "involvedObject": involved, "type": "Warning"}
            self._add("events", event | {"reason": reason, "message": message})

    def terminate(self, pod: Data, code: int, reason: str = "Error", **status: Any) -> None:
        """The container ends; the job is over with it."""
        with self.news:
            phase = "Succeeded" if code == 0 else "Failed"
            ended = {"exitCode": code, "reason": "Completed" if code == 0 else reason}
            self._status(pod, phase, {"terminated": ended}, **status)
            self._decide(pod, code == 0)

    def change(self, kind: str, thing: Data, **spec: Any) -> None:
        """Somebody edits a thing."""
        with self.news:
            thing["spec"] |= spec
            self._changed("MODIFIED", kind, thing)

    def end_beside(self, pod: Data, code: int) -> None:
        """The first container ends, the others go on, and so does the pod."""
        with self.news:
            first, *others = pod["spec"]["containers"]
            ended = {"terminated": {"exitCode": code, "reason": "Error"}}
            statuses = [{"name": first["name"], "state": ended}]
            statuses += [{"name": other["name"], "state": {"running": {}}} for other in others]
            pod["status"] = {"phase": "Running", "containerStatuses": statuses}
            self._changed("MODIFIED", "pods", pod)

    def evict(self, pod: Data, message: str) -> None:
        """The node has no room: the pod fails, and its container is not heard of again."""
        with self.news:
            pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": message}
            self._changed("MODIFIED", "pods", pod)
            self._decide(pod, False)

    def vanish(self, kind: str, thing: Data) -> None:
        """It is gone, and nobody was told how it ended."""
        with self.news:
            if self.things[kind].pop(thing["metadata"]["name"], None):
                self._changed("DELETED", kind, thing)

    # What Kubernetes does.

    def create(self, body: Data) -> Data:
        name = body["metadata"]["name"]
        try:
            kubernetes_validate.validate(body, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(str(part) for part in error.path)
            raise Refused(422, "Invalid", f"Job.batch {name!r} is invalid: {place}: {error.message}") from None
        if name in self.things["jobs"]:
            raise Refused(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        job = self._add("jobs", copy.deepcopy(body) | {"status": {}})
        template = body["spec"]["template"]
        pod: Data = {"metadata": {**copy.deepcopy(template["metadata"]), "name": f"{name}-x7k2p"}}
        pod |= {"spec": copy.deepcopy(template["spec"]), "status": {"phase": "Pending"}}
        behaviour = self.behaviours.get(template["spec"]["containers"][0]["image"])
        if behaviour is None:
            self.event(job, "FailedCreate", "exceeded quota: compute, requested: pods=1", kind="Job")
            return job
        self._begin(self._add("pods", pod), behaviour)
        return job

    def delete(self, kind: str, name: str, grace: int | None) -> Data:
        thing = self.things[kind].get(name)
        if thing is None:
            raise Refused(404, "NotFound", f'{kind} "{name}" not found')
        if kind == "jobs":
            thing["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._changed("MODIFIED", kind, thing)
            for pod in list(self.things["pods"].values()):
                self._end(pod, None)
            if not self.things["pods"]:
                self.vanish("jobs", thing)
            return thing
        self._end(thing, grace)
        return thing

    def list(self, kind: str, query: dict[str, str]) -> Data:
        first = int(query.get("continue") or 0)
        fitting = [thing for thing in self.things[kind].values() if _selects(query.get("labelSelector"), thing)]
        page = fitting[first : first + self.page]
        rest = {"continue": str(first + self.page)} if len(fitting) > first + self.page else {}
        return {"kind": "List", "metadata": {**_meta(str(self.version)), **rest}, "items": page}

    def _begin(self, pod: Data, behaviour: Behaviour) -> None:
        self.logs[pod["metadata"]["name"]] = [line for line in behaviour.output.split("\n") if line]
        if behaviour.unschedulable:
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
            pod["status"]["conditions"] = [condition | {"message": behaviour.unschedulable}]
            self._changed("MODIFIED", "pods", pod)
        elif behaviour.waits:
            self._status(pod, "Pending", {"waiting": behaviour.waits})
        else:
            self._status(pod, "Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
            if behaviour.code is not None:
                self.terminate(pod, behaviour.code)

    def _end(self, pod: Data, grace: int | None) -> None:
        image = pod["spec"]["containers"][0]["image"]
        running = pod["status"].get("phase") == "Running"
        if running and self.behaviours[image].deaf and grace != 0:
            return
        if running and grace != 0:
            self._status(pod, "Failed", {"terminated": {"exitCode": 143, "reason": "Error"}})
        self.vanish("pods", pod)
        for job in list(self.things["jobs"].values()):
            if "deletionTimestamp" in job["metadata"]:
                self.vanish("jobs", job)

    def _decide(self, pod: Data, success: bool) -> None:
        job = self.things["jobs"].get(pod["metadata"]["labels"]["penstock/job"])
        if job:
            kind, reason = ("Complete", "CompletionsReached") if success else ("Failed", "BackoffLimitExceeded")
            said = {"type": kind, "status": "True", "reason": reason, "message": "Job has reached its limit"}
            job["status"] = {"conditions": [said]}
            self._changed("MODIFIED", "jobs", job)

    def _status(self, pod: Data, phase: str, state: Data, **more: Any) -> None:
        container = pod["spec"]["containers"][0]
        status = {"name": container["name"], "image": container["image"], "state": state}
        pod["status"] = {"phase": phase, "containerStatuses": [status], **more}
        self._changed("MODIFIED", "pods", pod)

    def _add(self, kind: str, thing: Data) -> Data:
        metadata = thing["metadata"]
        metadata.setdefault("uid", str(uuid4()))
        metadata["creationTimestamp"] = f"2026-01-01T00:00:{len(self.changes) % 60:02}Z"
        self.things[kind][metadata["name"]] = thing
        self._changed("ADDED", kind, thing)
        return thing

    def _changed(self, change: str, kind: str, thing: Data) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        self.changes.append((self.version, kind, change, copy.deepcopy(thing)))
        self.news.notify_all()


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.body = {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message}
        self.status = status


@contextmanager
def served(cluster: Cluster) -> Iterator[str]:
    """The address of the double."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    cluster.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield cluster.address
    finally:
        cluster.cut()
        server.shutdown()
        server.server_close()


def kubeconfig(address: str) -> Data:
    """The data of a `kubernetes-cluster-config` block for this server."""
    cluster = {"name": "double", "cluster": {"server": address}}
    context = {"name": "double", "context": {"cluster": "double", "user": "penstock"}}
    user = {"name": "penstock", "user": {"token": "t0ken"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "double"}
    return {
        "context_name": "double",
        "config": {**config, "clusters": [cluster], "contexts": [context], "users": [user]},
    }


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            method = "WATCH" if query.get("watch") == "true" else self.command
            name = f"{method} {parts.path.rpartition('/namespaces/')[2]}?{parts.query}"
            with cluster.news:
                cluster.asked.append(name)
                cluster.news.notify_all()
                fault = next((one for one in cluster.faults if one.match in name), None)
                if fault:
                    cluster.faults.remove(fault)
            if fault and not fault.carried_out:
                return self.fail(fault)
            try:
                self.serve(parts.path.split("/namespaces/")[1].split("/"), query, json.loads(text or "null"), fault)
            except Refused as error:
                self.send(error.status, error.body)

        do_GET = do_POST = do_DELETE = respond

        def serve(self, path: list[str], query: dict[str, str], body: Any, fault: Fault | None) -> None:
            kind, name = path[1], path[2] if len(path) > 2 else ""
            if path[-1] == "log":
                return self.follow(name) if "follow" in query else self.tail(name, int(query["tailLines"]))
            if query.get("watch") == "true":
                return self.watch(kind, int(query["resourceVersion"]))
            with cluster.news:
                text = json.dumps(self.answer(kind, name, query, body))
            return self.fail(fault) if fault else self.send(200, json.loads(text))

        def answer(self, kind: str, name: str, query: dict[str, str], body: Any) -> Data:
            if self.command == "POST":
                return cluster.create(body)
            if self.command == "DELETE":
                grace = query.get("gracePeriodSeconds")
                return cluster.delete(kind, name, None if grace is None else int(grace))
            if not name:
                return cluster.list(kind, query)
            if name not in cluster.things[kind]:
                raise Refused(404, "NotFound", f'{kind} "{name}" not found')
            return cluster.things[kind][name]

        def fail(self, fault: Fault) -> None:
            if fault.status == 0:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.send(fault.status, Refused(fault.status, "Scripted", "scripted failure").body)

        def send(self, status: int, body: Data) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def watch(self, kind: str, version: int) -> None:
            generation, told = cluster.generation, 0
            self.begin()
            while True:
                with cluster.news:
                    self.wait(partial(self.has_news, kind, version, told, generation))
                    if cluster.generation != generation:
                        return self.break_off()
                    if version < cluster.oldest:
                        gone = Refused(410, "Expired", "too old resource version").body
                        self.line(json.dumps({"type": "ERROR", "object": gone}))
                        return self.end()
                    lines = self.lines(kind, version)[told:]
                told += len(lines)
                for line in lines:
                    self.line(line)

        def has_news(self, kind: str, version: int, told: int, generation: int) -> bool:
            cut = cluster.generation != generation or version < cluster.oldest
            return cut or len(self.lines(kind, version)) > told

        def lines(self, kind: str, version: int) -> list[str]:
            return [
                json.dumps({"type": change, "object": thing})
                for at, of, change, thing in cluster.changes
                if of == kind and at > version
            ]

        def tail(self, name: str, lines: int) -> None:
            text = "\n".join(cluster.logs.get(name, [])[-lines:]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def follow(self, name: str) -> None:
            generation, told = cluster.generation, 0
            self.begin()
            while True:
                with cluster.news:
                    self.wait(partial(self.has_output, name, told, generation))
                    if cluster.generation != generation:
                        return self.break_off()
                    lines, over = cluster.logs[name][told:], _is_over(cluster, name)
                for number, line in enumerate(lines, told):
                    self.line(f"2026-01-01T00:00:00.{number:09}Z {line}")
                told += len(lines)
                if over:
                    return self.end()

        def has_output(self, name: str, told: int, generation: int) -> bool:
            return cluster.generation != generation or len(cluster.logs[name]) > told or _is_over(cluster, name)

        def wait(self, until: Callable[[], bool]) -> None:
            cluster.news.wait_for(until, PATIENCE)

        def begin(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()

        def line(self, text: str) -> None:
            piece = text.encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

        def end(self) -> None:
            self.wfile.write(b"0\r\n\r\n")

        def break_off(self) -> None:
            """In the middle of a line."""
            self.wfile.write(b'10\r\n{"type": "MODI')
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def handle(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                super().handle()

        def log_message(self, *_: object) -> None:
            """Tests look at `asked`."""

    return Handler


def _is_over(cluster: Cluster, pod: str) -> bool:
    found = cluster.things["pods"].get(pod)
    return found is None or found["status"].get("phase") in ("Succeeded", "Failed")


def _selects(selector: str | None, thing: Data) -> bool:
    if not selector:
        return True
    name, _, value = selector.partition("=")
    labels = thing["metadata"].get("labels") or {}
    return labels.get(name) == value if value else name in labels


def _meta(version: str) -> Data:
    return {"resourceVersion": version}
