"""What a driver's `Variables` says is what the server's template of its type says: names, types, defaults, limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from penstock.infra.cloud_run.variables import CloudRunV1Variables, CloudRunVariables
from penstock.infra.container_instances.variables import ContainerInstanceVariables
from penstock.infra.ecs.variables import EcsVariables
from penstock.infra.kubernetes.variables import KubernetesVariables
from penstock.infra.modal import ModalVariables
from penstock.infra.templates import base_job_template
from penstock.infra.vertex_ai import VertexAiVariables
from tests.contracts.infra.clouds import about

KINDS: dict[str, type[msgspec.Struct]] = {
    "azure-container-instance": ContainerInstanceVariables,
    "cloud-run": CloudRunV1Variables,
    "modal": ModalVariables,
    "cloud-run-v2": CloudRunVariables,
    "ecs": EcsVariables,
    "kubernetes": KubernetesVariables,
    "vertex-ai": VertexAiVariables,
}
COMPARED = ("type", "default", "enum", "pattern", "exclusiveMinimum", "maximum", "items", "title")


@pytest.mark.parametrize("kind", KINDS)
def test_variables_are_those_of_the_template(kind: str) -> None:
    template = about(kind)["default_base_job_configuration"]["variables"]
    ours = base_job_template(KINDS[kind])["variables"]["properties"]
    assert {name: shape(one) for name, one in ours.items()} == {
        name: shape(one) for name, one in template["properties"].items()
    }
    assert set(template.get("required", [])) == {
        field.name for field in msgspec.structs.fields(KINDS[kind]) if required(field)
    }


def required(field: msgspec.structs.FieldInfo) -> bool:
    return field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT


def shape(declared: dict[str, Any]) -> dict[str, Any]:
    """What matters of a property; a reference to a block is an object."""
    found = {name: declared[name] for name in COMPARED if name in declared}
    if "enum" in found:
        found |= {"enum": sorted(found["enum"]), "type": "string"}
    return {"type": "object", **found}
