"""ECS on this machine: moto's server, and before it what moto leaves out.

moto keeps definitions, tasks, networks and logs. It never ends a task, gives no exit codes, knows no client tokens and
is never tired: that is added here, as the documentation of ECS has it, and what is asked is kept for tests to look at.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.live.cloud_http import Fault

Data = dict[str, Any]
STOPPED = {"lastStatus": "STOPPED", "desiredStatus": "STOPPED"}


@dataclass
class Behaviour:
    """What becomes of a task of an image. Without a code it runs until it is stopped."""

    code: int | None = None
    reason: str | None = None
    stop_code: str = "EssentialContainerExited"
    stopped_reason: str = "Essential container in task exited"
    stuck: bool = False
    """It stays PROVISIONING."""
    output: tuple[str, ...] = ()


@dataclass
class Ecs:
    """The double's memory."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    """By image."""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, Data]] = field(default_factory=list)
    says: dict[str, Data] = field(default_factory=dict)
    """What is said of a task beside what moto says, by its ARN; `missing` makes it unknown."""
    tokens: dict[str, tuple[Data, Data]] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    """Definitions that were deregistered."""
    address: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()

    def calls(self, operation: str) -> list[Data]:
        """What was asked of one operation."""
        with self.lock:
            return [body for name, body in self.asked if name == operation]

    def client(self, service: str) -> Any:
        """AWS's own client."""
        keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s3cr3t"}
        return boto3.client(service, region_name="eu-central-1", endpoint_url=self.address, **keys)

    def write(self, group: str, stream: str, lines: tuple[str, ...]) -> None:
        """A container prints."""
        logs = self.client("logs")
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def end(self, arn: str, behaviour: Behaviour) -> None:
        """The task ends."""
        container: Data = {"lastStatus": "STOPPED"}
        container |= {} if behaviour.code is None else {"exitCode": behaviour.code}
        container |= {"reason": behaviour.reason} if behaviour.reason else {}
        stopped = {"stopCode": behaviour.stop_code, "stoppedReason": behaviour.stopped_reason}
        with self.lock:
            self.says[arn] = {**STOPPED, **stopped, "container": container}


class _Before:
    """The part before moto."""

    def __init__(self, ecs: Ecs, behind: Callable[..., Iterable[bytes]]) -> None:
        self._ecs = ecs
        self._behind = behind
        self._definitions: dict[str, Data] = {}

    def __call__(self, environ: Data, start: Callable[..., Any]) -> Iterable[bytes]:
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if not service.startswith("AmazonEC2ContainerService"):
            return self._behind(environ, start)
        body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with self._ecs.lock:
            self._ecs.asked.append((operation, body))
            status, answer = self._answer(operation, body, environ)
        text = json.dumps(answer).encode()
        start(f"{status} X", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(text)))])
        return [text]

    def _answer(self, operation: str, body: Data, environ: Data) -> tuple[int, Data]:
        fault = next((one for one in self._ecs.faults if one.match == operation), None)
        if fault:
            self._ecs.faults.remove(fault)
            if not fault.carried_out:
                return _failed(fault)
        status, answer = self._done(operation, body, environ)
        return _failed(fault) if fault else (status, answer)

    def _done(self, operation: str, body: Data, environ: Data) -> tuple[int, Data]:
        if operation == "ListTasks" and "startedBy" in body and {"family", "desiredStatus", "serviceName"} & set(body):
            return 400, _error("InvalidParameterException", "startedBy must be the only filter")
        if operation == "RunTask" and (known := self._ecs.tokens.get(body["clientToken"])):
            return (200, known[1]) if known[0] == body else (400, _error("ConflictException", "the token was used"))
        if operation == "RunTask" and body["taskDefinition"] in self._ecs.inactive:
            return 400, _error("InvalidParameterException", "TaskDefinition is inactive")
        status, answer = self._moto(body, environ)
        if status == 200 and operation == "RegisterTaskDefinition":
            found = answer["taskDefinition"]
            self._definitions[found["taskDefinitionArn"]] = found["containerDefinitions"][0]
        if status == 200 and operation == "RunTask":
            self._ecs.tokens[body["clientToken"]] = (body, answer)
            self._run(answer["tasks"][0])
        if status == 200 and operation == "StopTask":
            self._stop(body)
        return status, self._told(operation, body, answer)

    def _moto(self, body: Data, environ: Data) -> tuple[int, Data]:
        """Asked of moto, in the way it can take."""
        if containers := body.get("containerDefinitions"):
            containers = [{"memory": 128, **one} for one in containers]  # moto knows no memory of the whole task
            body = {**body, "containerDefinitions": containers}
        network = body.get("networkConfiguration", {}).get("awsvpcConfiguration")
        if network is not None:
            network = {"securityGroups": [], **network}  # AWS takes the VPC's own
            body = {**body, "networkConfiguration": {"awsvpcConfiguration": network}}
        text = json.dumps(body).encode()
        seen: list[str] = []
        environ = {**environ, "wsgi.input": io.BytesIO(text), "CONTENT_LENGTH": str(len(text))}
        pieces = self._behind(environ, lambda status, *_: seen.append(status))
        return int(seen[0].split()[0]), json.loads(b"".join(pieces) or b"{}")

    def _run(self, task: Data) -> None:
        container = self._definitions[task["taskDefinitionArn"]]
        behaviour = self._ecs.behaviours[container["image"]]
        self._print(task, container, behaviour.output)
        if behaviour.stuck:
            self._ecs.says[task["taskArn"]] = {"lastStatus": "PROVISIONING"}
        elif behaviour.code is not None or behaviour.stop_code != "EssentialContainerExited":
            self._ecs.end(task["taskArn"], behaviour)

    def _print(self, task: Data, container: Data, lines: tuple[str, ...]) -> None:
        options = container.get("logConfiguration", {}).get("options")
        if not lines or not options:
            return
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task['taskArn'].rpartition('/')[2]}"
        self._ecs.write(options["awslogs-group"], stream, lines)

    def _stop(self, body: Data) -> None:
        said = self._ecs.says.get(body["task"], {})
        if said.get("lastStatus") != "STOPPED":
            code = None if said.get("lastStatus") == "PROVISIONING" else 143
            self._ecs.end(body["task"], Behaviour(code, None, "UserInitiated", body["reason"]))

    def _told(self, operation: str, body: Data, answer: Data) -> Data:
        if operation == "ListTasks":
            return {"taskArns": self._listed(body)}
        if operation == "DescribeTasks":
            tasks = [one for one in answer["tasks"] if not self._ecs.says.get(one["taskArn"], {}).get("missing")]
            return {"tasks": [self._dressed(one) for one in tasks], "failures": []}
        return answer

    def _listed(self, body: Data) -> list[str]:
        """Of this test's tasks: by whom they were started, those that run; or the stopped ones of a family."""
        every = [(sent, answer["tasks"][0]["taskArn"]) for sent, answer in self._ecs.tokens.values()]
        stopped = {arn for arn, said in self._ecs.says.items() if said.get("lastStatus") == "STOPPED"}
        if "startedBy" in body:
            return [arn for sent, arn in every if sent["startedBy"] == body["startedBy"] and arn not in stopped]
        family = f"/{body['family']}:"
        return [arn for sent, arn in every if family in sent["taskDefinition"] and arn in stopped]

    def _dressed(self, task: Data) -> Data:
        said = dict(self._ecs.says.get(task["taskArn"], {}))
        container = {**task["containers"][0], **said.pop("container", {"lastStatus": "RUNNING"})}
        if container["lastStatus"] == "RUNNING" or "exitCode" not in self._ecs.says[task["taskArn"]]["container"]:
            del container["exitCode"]  # moto's is always 0
        return {**task, **said, "containers": [container]}


def _failed(fault: Fault) -> tuple[int, Data]:
    name = "ThrottlingException" if fault.status == 400 else "ServerException"
    return fault.status, _error(name, "scripted failure")


def _error(name: str, message: str) -> Data:
    return {"__type": name, "message": message}


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Tests look at `asked`."""


@contextmanager
def served() -> Iterator[Ecs]:
    """A region with a default VPC and a cluster named `default`."""
    ecs = Ecs()
    server = make_server(
        "127.0.0.1",
        0,
        _Before(ecs, DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=_Silent,
    )
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    ecs.address = f"http://127.0.0.1:{server.server_port}"
    ecs.client("ecs").create_cluster(clusterName="default")
    try:
        yield ecs
    finally:
        server.shutdown()
        server.server_close()


def credentials(address: str) -> Data:
    """The data of an `aws-credentials` block for this server."""
    keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s3cr3t", "region_name": "eu-central-1"}
    return {**keys, "aws_client_parameters": {"endpoint_url": address}}
