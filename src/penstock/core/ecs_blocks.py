"""What an ECS block says of its task definition and its request, grafted onto those of a pool's template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.core.infrastructure_blocks import Conversion, Severity
from penstock.core.json_patch import APPEND, Operation, apply, operations, put, value_at
from penstock.core.template_grafts import Graft, into_environment, into_labels
from penstock.errors import InvalidRequest

DEFINITION = "task_definition"
REQUEST = "task_run_request"
CONTAINER_NAME = "prefect"
"""How the block calls the container that flows run in."""
NETWORK = "networkConfiguration"
VPC = "awsvpcConfiguration"


def graft_definition(done: Conversion) -> None:
    """Lays the block's own task definition over the template's; the block's fields win over it."""
    given = done.block.data.get("task_definition")
    if not given:
        return
    graft = Graft(done, DEFINITION)
    for key, value in given.items():
        if key == "containerDefinitions":
            _lay_containers(graft, value)
        elif value is not None:
            graft.lay((key,), value)
    for name in ("cpu", "memory"):
        if given.get(name) and not done.block.data.get(name):
            _say_reserved(done, name)
    done.say(
        "C02",
        Severity.NOTE,
        DEFINITION,
        "The block has a task definition of its own; it is laid into the template's, whose placeholders stay.",
        "Nothing to do: deployments can still set image, cpu and memory.",
    )


def graft_request(done: Conversion) -> None:
    """Applies the block's patches of the request; those of the network become a variable."""
    patch = done.block.data.get("task_customizations")
    if not patch:
        return
    graft = Graft(done, REQUEST, {"env": into_environment("name"), "labels": into_labels})
    try:
        every = operations(patch)
    except InvalidRequest as error:
        graft.refuse(("task_customizations",), error.message.rstrip("."))
        return
    for one in every:
        if NETWORK in one.path:
            _network(graft, one)
        else:
            graft.operate(one)


def _say_subnets(done: Conversion) -> None:
    done.say(
        "C01",
        Severity.ERROR,
        "task_run_request.networkConfiguration",
        "The block adds to the subnets of its VPC; a pool with a network of its own must name the subnets itself.",
        "Name `subnets` in the block's customization, or in the pool's network_configuration.",
    )


def _say_reserved(done: Conversion, name: str) -> None:
    done.say(
        "C20",
        Severity.NOTE,
        f"container.{name}",
        f"The task's {name} becomes a variable, and the pool gives all of it to the container that flows run in.",
        "Nothing to do, unless other containers of the task need a part that is reserved for them.",
    )


def _lay_containers(graft: Graft, given: list[Any]) -> None:
    """The block's jobs run in the container of that name, which it adds where there is none."""
    graft.done.default("container_name", CONTAINER_NAME)
    for container in given:
        if container.get("name") != CONTAINER_NAME:
            put(graft.manifest, ("containerDefinitions", APPEND), container)
            continue
        for key, value in container.items():
            if key != "name" and value is not None:
                graft.lay(("containerDefinitions", "0", key), value)


def _network(graft: Graft, one: Operation) -> None:
    """The variable holds what is inside `awsvpcConfiguration`."""
    known = {NETWORK: {VPC: graft.done.default_of("network_configuration") or {}}}
    try:
        changed = apply(known, [one])
    except InvalidRequest as error:
        graft.refuse(one.path, error.message.rstrip("."))
        return
    inside = value_at(changed, (NETWORK,)) if NETWORK in changed else {}
    if isinstance(inside, Mapping) and set(inside) <= {VPC}:
        network = inside.get(VPC) or None
        graft.done.default("network_configuration", network)
        if network and not network.get("subnets"):
            _say_subnets(graft.done)
        return
    graft.refuse(one.path, f"a pool's network has nothing but {VPC}")
