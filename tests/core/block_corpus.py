"""Infrastructure block documents of the agent generation, of every type: what people had stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AWS, GCP, AZURE, REGISTRY, CLUSTER = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(1, 6))


@dataclass(frozen=True)
class Case:
    """A block: its type, fields and references; the defaults it must become, and codes that must be reported."""

    title: str
    slug: str
    data: dict[str, Any]
    defaults: dict[str, Any] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    references: dict[str, str] = field(default_factory=dict)
    pool_type: str | None = None
    name: str | None = "main"
    usable: bool = True

    def __str__(self) -> str:
        return f"{self.slug}: {self.title}"


def ref(id: str) -> dict[str, Any]:
    """A block as templates refer to it."""
    return {"$ref": {"block_document_id": id}}


def process(title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, *codes: str) -> Case:
    return Case(title, "process", {"type": "process", **data}, defaults or {}, set(codes))


def docker(title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, *codes: str) -> Case:
    full = {"type": "docker-container", "image": "shop/etl:1", **data}
    references = {"image_registry": REGISTRY} if "image_registry" in data else {}
    return Case(title, "docker-container", full, defaults or {}, set(codes), references)


def kubernetes(
    title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, *codes: str, usable: bool = True
) -> Case:
    full = {"type": "kubernetes-job", "image": "shop/etl:1", **data}
    references = {"cluster_config": CLUSTER} if "cluster_config" in data else {}
    return Case(title, "kubernetes-job", full, defaults or {}, {"C20", *codes}, references, usable=usable)


def ecs(
    title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, *codes: str, usable: bool = True
) -> Case:
    full = {"type": "ecs-task", "image": "shop/etl:1", "aws_credentials": {"aws_secret_access_key": "hush"}, **data}
    wanted = {"aws_credentials": ref(AWS), **(defaults or {})}
    return Case(title, "ecs-task", full, wanted, {"C20", *codes}, {"aws_credentials": AWS}, usable=usable)


def cloud_run(
    title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, pool_type: str = "cloud-run"
) -> Case:
    full = {"image": "shop/etl:1", "region": "europe-west1", "credentials": {"service_account_info": "hush"}, **data}
    wanted = {"credentials": ref(GCP), "region": "europe-west1", **(defaults or {})}
    codes = {"C03"} if pool_type == "cloud-run" else {"C20"}
    return Case(title, "cloud-run-job", full, wanted, codes, {"credentials": GCP}, pool_type)


def vertex(title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None) -> Case:
    full = {"image": "shop/etl:1", "region": "europe-west1", "gcp_credentials": {"project": "shop"}, **data}
    wanted = {"credentials": ref(GCP), "image": "shop/etl:1", **(defaults or {})}
    return Case(title, "vertex-ai-custom-training-job", full, wanted, {"C20"}, {"gcp_credentials": GCP})


def azure(title: str, data: dict[str, Any], defaults: dict[str, Any] | None = None, **more: Any) -> Case:
    full = {"type": "container-instance-job", "image": "shop/etl:1", "aci_credentials": {"client_secret": "hush"}}
    full |= {"resource_group_name": "shop", "subscription_id": "hush-hush"} | data
    reference = "{{ prefect.blocks.azure-container-instance-job.main.subscription_id }}"
    wanted = {"aci_credentials": ref(AZURE), "subscription_id": reference, **(defaults or {})}
    references = {"aci_credentials": AZURE}
    if "password" in data.get("image_registry", {}):
        references["image_registry"] = REGISTRY
    return Case(title, "azure-container-instance-job", full, wanted, {"C04"}, references, **more)


def patch(*operations: tuple[str, str, Any]) -> list[dict[str, Any]]:
    return [{"op": op, "path": path, "value": value} for op, path, value in operations]


POD = "/spec/template/spec"
CONTAINER = f"{POD}/containers/0"


def manifest(container: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    """A block's own base manifest."""
    first = {"name": "prefect-job", "env": [], **(container or {})}
    usual = {"parallelism": 1, "completions": 1, "restartPolicy": "Never", "containers": [first]}
    spec = {"template": {"spec": {**usual, **pod}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": {}}, "spec": spec}


OWN_KEYS = {"_block_document_id": "1", "_block_document_name": "main", "_is_anonymous": False, "block_type_slug": "x"}
SECRET_REF = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}

CASES = [
    process("as it comes", {"stream_output": True}, {"stream_output": True}),
    process("quiet, in a folder", {"stream_output": False, "working_dir": "/srv/jobs"}, {"working_dir": "/srv/jobs"}),
    process("environment", {"env": {"A": "1", "N": 2}}, {"env": {"A": "1", "N": "2"}}),
    process("removes a variable", {"env": {"A": None, "B": "b"}}, {"env": {"B": "b"}}, "C10"),
    process("labels and name", {"labels": {"team": "shop"}, "name": "job"}, {"labels": {"team": "shop"}}),
    process("command", {"command": ["sh", "-c", "echo 'a b'"]}, {"command": "sh -c 'echo '\"'\"'a b'\"'\"''"}, "C15"),
    process("the engine's command", {"command": ["/opt/old/python", "-m", "prefect.engine"]}),
    process("keys of its own", OWN_KEYS),
    process("a field nobody knows", {"colour": "red"}, {}, "C10"),
    docker("as it comes", {}, {"image": "shop/etl:1", "auto_remove": False}),
    docker("image of Prefect 2", {"image": "prefecthq/prefect:2.20.25-python3.11"}, {}, "C14"),
    docker("always pulled", {"image_pull_policy": "ALWAYS"}, {"image_pull_policy": "Always"}),
    docker("pulled if absent", {"image_pull_policy": "IF_NOT_PRESENT"}, {"image_pull_policy": "IfNotPresent"}),
    docker("never pulled", {"image_pull_policy": "NEVER"}, {"image_pull_policy": "Never"}),
    docker("registry", {"image_registry": {"password": "hush"}}, {"registry_credentials": ref(REGISTRY)}, "C07"),
    docker("network", {"networks": ["shop"], "network_mode": "bridge"}, {"networks": ["shop"]}),
    docker("volumes, gone after", {"volumes": ["/a:/b"], "auto_remove": True}, {"volumes": ["/a:/b"]}),
    docker("memory", {"mem_limit": 5e8, "memswap_limit": 1_000}, {"mem_limit": "500000000.0", "memswap_limit": "1000"}),
    docker("privileged", {"privileged": True, "stream_output": False}, {"privileged": True}),
    kubernetes("as it comes", {}, {"image": "shop/etl:1", "image_pull_policy": None, "namespace": "default"}),
    kubernetes("all plain fields", {"namespace": "etl", "service_account_name": "runner", "finished_job_ttl": 60}),
    kubernetes("times", {"job_watch_timeout_seconds": 9, "pod_watch_timeout_seconds": 8, "stream_output": False}),
    kubernetes("pulls always", {"image_pull_policy": "Always"}, {"image_pull_policy": "Always"}),
    kubernetes("cluster", {"cluster_config": {"config": "hush"}}, {"cluster_config": ref(CLUSTER)}),
    kubernetes("old restart policy", {"restart_policy": "Never"}, {}, "C10"),
    kubernetes("memory", {"customizations": patch(("add", f"{CONTAINER}/resources", {"limits": {"memory": "8Gi"}}))}),
    kubernetes(
        "one limit",
        {
            "job": manifest({"resources": {"limits": {"cpu": "1"}}}),
            "customizations": patch(("add", f"{CONTAINER}/resources/limits/memory", "8Gi")),
        },
        {"cpu_limit": "1", "memory_limit": "8Gi"},
    ),
    kubernetes(
        "a variable by a patch",
        {"env": {"A": "1"}, "customizations": patch(("add", f"{CONTAINER}/env/-", {"name": "B", "value": "2"}))},
        {"env": {"A": "1", "B": "2"}},
    ),
    kubernetes("a secret by a patch", {"customizations": patch(("add", f"{CONTAINER}/env/-", SECRET_REF))}),
    kubernetes(
        "a label by a patch",
        {"customizations": patch(("add", "/metadata/labels/app.io~1team", "shop"))},
        {"labels": {"app.io/team": "shop"}},
    ),
    kubernetes(
        "node selector as text",
        {"customizations": f'[{{"op": "add", "path": "{POD}/nodeSelector", "value": {{"gpu": "yes"}}}}]'},
    ),
    kubernetes("image by a patch", {"customizations": patch(("replace", f"{CONTAINER}/image", "shop/other:2"))}),
    kubernetes("parallelism taken out", {"customizations": [{"op": "remove", "path": f"{POD}/parallelism"}]}),
    kubernetes(
        "a copied label",
        {"customizations": [{"op": "copy", "from": f"{POD}/restartPolicy", "path": f"{POD}/policyCopy"}]},
    ),
    kubernetes(
        "a patch that leads nowhere",
        {"customizations": patch(("add", "/spec/nowhere/at/all", 1))},
        {},
        "C01",
        usable=False,
    ),
    kubernetes(
        "its own manifest",
        {"job": manifest({"resources": {"requests": {"memory": "2Gi"}}}, tolerations=[{"key": "spot"}])},
        {"memory_request": "2Gi"},
    ),
    kubernetes(
        "its own manifest with variables",
        {"env": {"B": "block"}, "job": manifest({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})},
        {"env": {"A": "1", "B": "block"}},
    ),
    kubernetes("its own manifest with a secret", {"job": manifest({"env": [SECRET_REF]})}),
    kubernetes(
        "its own manifest with a sidecar",
        {"job": manifest(containers=[{"name": "prefect-job", "env": []}, {"name": "proxy", "image": "proxy:1"}])},
    ),
    ecs("as it comes", {}, {"auto_deregister_task_definition": True, "task_start_timeout_seconds": 120}),
    ecs("sizes and roles", {"cpu": 512, "memory": 1024, "task_role_arn": "arn:t", "execution_role_arn": "arn:e"}),
    ecs("place", {"cluster": "shop", "vpc_id": "vpc-1", "launch_type": "EC2", "family": "etl"}),
    ecs("logs", {"configure_cloudwatch_logs": True, "cloudwatch_logs_options": {"awslogs-group": "shop"}}),
    ecs("a registered definition", {"task_definition_arn": "arn:d", "task_watch_poll_interval": 9.5}),
    ecs(
        "its own definition",
        {"task_definition": {"cpu": "256", "containerDefinitions": [{"name": "prefect", "essential": True}]}},
        {"cpu": 256, "container_name": "prefect"},
        "C02",
    ),
    ecs(
        "a sidecar",
        {"task_definition": {"networkMode": "bridge", "containerDefinitions": [{"name": "proxy", "image": "p:1"}]}},
        {},
        "C02",
    ),
    ecs(
        "its network",
        {"task_customizations": patch(("add", "/networkConfiguration", {"awsvpcConfiguration": {"subnets": ["s-1"]}}))},
        {"network_configuration": {"subnets": ["s-1"]}},
    ),
    ecs(
        "groups for the subnets of its VPC",
        {"task_customizations": patch(("add", "/networkConfiguration/awsvpcConfiguration/securityGroups", ["g-1"]))},
        {"network_configuration": {"securityGroups": ["g-1"]}},
        "C01",
        usable=False,
    ),
    ecs("another request", {"task_customizations": patch(("add", "/enableExecuteCommand", True))}),
    ecs("a tag", {"task_customizations": patch(("add", "/tags/-", {"key": "team", "value": "shop"}))}),
    cloud_run("as it comes", {}, {"timeout": 600, "max_retries": 3}),
    cloud_run("sizes", {"cpu": 2, "memory": 512, "memory_unit": "Mi"}, {"cpu": "2000m", "memory": "512Mi"}),
    cloud_run("arguments", {"args": ["--fast"], "max_retries": 0}, {"args": ["--fast"], "max_retries": 0}),
    cloud_run("kept, in a network", {"keep_job": True, "vpc_connector_name": "shop", "timeout": 60}),
    cloud_run("as a job of version 2", {"cpu": 1, "args": ["-v"]}, {"cpu": "1000m", "memory": None}, "cloud-run-v2"),
    vertex("as it comes", {}, {"maximum_run_time_hours": 168}),
    vertex("two hours", {"maximum_run_time": 7200.0, "service_account": "me@shop"}, {"maximum_run_time_hours": 2}),
    vertex("not whole hours", {"maximum_run_time": 5400.0}, {"maximum_run_time_hours": 2}),
    vertex("a machine", {"machine_type": "a2", "accelerator_type": "T4", "accelerator_count": 2, "network": "n"}),
    vertex("a disk", {"boot_disk_type": "pd-standard", "boot_disk_size_gb": 50, "reserved_ip_ranges": ["r"]}),
    azure("as it comes", {}, {"cpu": 1.0, "memory": 1.0}),
    azure("sizes", {"cpu": 2.0, "memory": 4.0, "gpu_count": 1, "gpu_sku": "V100", "entrypoint": "/run.sh"}),
    azure("network", {"subnet_ids": ["s"], "dns_servers": ["d"], "identities": ["i"], "stream_output": True}),
    azure("registry", {"image_registry": {"password": "hush"}}, {"image_registry": ref(REGISTRY)}),
    azure(
        "registry by identity",
        {"image_registry": {"registry_url": "r", "identity": "i", "block_type_slug": "x"}},
        {"image_registry": {"registry_url": "r", "identity": "i"}},
    ),
]
