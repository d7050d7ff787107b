"""Fills a Prefect 2.20 server as a team of the agent generation did. Run by that Prefect's own interpreter.

    python old_contents.py FOLDER

FOLDER has the code that is deployed, `flows.py`. Twenty deployments of mixed infrastructure and storage blocks, named
and anonymous, in queues without a pool, in agent pools and in pools of workers; and all that they refer to.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import httpx
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import MinimalDeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.deployments import Deployment
from prefect.filesystems import GCS, S3, Azure, GitHub, LocalFileSystem, RemoteFileSystem
from prefect.infrastructure import DockerContainer, KubernetesJob, Process
from prefect.infrastructure.container import DockerRegistry
from prefect.settings import PREFECT_API_URL
from prefect.variables import Variable

FOLDER = sys.argv[1]
SECRET = "hush-old-server"


def ask(method: str, path: str, body: Any) -> Any:
    answer = httpx.request(method, PREFECT_API_URL.value() + path, json=body)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json() if answer.content else None


def save(block: Any, name: str) -> Any:
    block.save(name, overwrite=True)
    return type(block).load(name)


def pools() -> None:
    template = ask("GET", "/collections/views/aggregate-worker-metadata", None)
    process = template["prefect"]["process"]["default_base_job_configuration"]
    ask("POST", "/work_pools/", {"name": "ag", "type": "prefect-agent", "concurrency_limit": 7})
    ask("POST", "/work_pools/", {"name": "halted", "type": "prefect-agent", "is_paused": True})
    ask(
        "POST",
        "/work_pools/",
        {"name": "typed", "type": "process", "base_job_template": process, "description": "for workers"},
    )
    for pool, queue in (
        ("ag", {"name": "high", "priority": 1, "concurrency_limit": 2, "description": "first of all"}),
        ("ag", {"name": "low", "priority": 5, "is_paused": True}),
    ):
        ask("POST", f"/work_pools/{pool}/queues", queue)
    ask("POST", "/work_queues/", {"name": "tagged", "filter": {"tags": ["nightly"]}})


def limits_and_variables() -> None:
    ask("POST", "/concurrency_limits/", {"tag": "database", "concurrency_limit": 3})
    ask("POST", "/v2/concurrency_limits/", {"name": "mails", "limit": 10, "slot_decay_per_second": 0.5})
    Variable.set("region", "west", tags=["place"])
    ask("POST", "/variables/", {"name": "sizes", "value": "[1, 2]"})


def cron(line: str, active: bool = True, zone: str = "Europe/Berlin") -> MinimalDeploymentSchedule:
    return MinimalDeploymentSchedule(schedule=CronSchedule(cron=line, timezone=zone), active=active)


def every(**stretch: int) -> MinimalDeploymentSchedule:
    return MinimalDeploymentSchedule(schedule=IntervalSchedule(interval=timedelta(**stretch)))


def deployments() -> list[dict[str, Any]]:
    process = save(Process(env={"A": "block", "B": "block"}, working_dir=None), "mine")
    registry = save(
        DockerRegistry(username="ford", password=SECRET, registry_url="https://registry.example.com", reauth=True),
        "inner",
    )
    docker = save(DockerContainer(image="app:1", networks=["inner"], image_registry=registry), "boxes")
    jobs = save(KubernetesJob(image="app:1", namespace="jobs", finished_job_ttl=300), "cluster")
    s3 = save(S3(bucket_path="bucket/flows", aws_access_key_id="AKIA", aws_secret_access_key=SECRET), "code")
    gcs = save(GCS(bucket_path="bucket/flows", service_account_info=json.dumps({"private": SECRET})), "code")
    azure = save(Azure(bucket_path="box/flows", azure_storage_connection_string=SECRET), "code")
    github = save(GitHub(repository="https://example.com/team/flows.git", access_token=SECRET), "code")
    local = save(LocalFileSystem(basepath=FOLDER), "here")
    remote = save(RemoteFileSystem(basepath="memory://box", settings={"auto_mkdir": True}), "elsewhere")
    saved: list[dict[str, Any]] = [
        {"work_queue_name": "test"},
        {"work_queue_name": "test", "infrastructure": process, "infra_overrides": {"env.A": "override"}},
        {"work_queue_name": "test", "infrastructure": process, "schedules": [every(hours=1)]},
        {"work_queue_name": "tagged", "infrastructure": process, "tags": ["nightly"], "schedules": [cron("0 3 * * *")]},
        {"work_pool_name": "ag", "infrastructure": process, "storage": local},
        {"work_pool_name": "ag", "work_queue_name": "high", "infrastructure": Process(env={"A": "anonymous"})},
        {"work_pool_name": "ag", "work_queue_name": "low", "infrastructure": Process(stream_output=False)},
        {"work_pool_name": "ag", "infrastructure": process, "is_schedule_active": False, "schedules": [every(days=1)]},
        {"work_pool_name": "ag", "infrastructure": docker, "storage": s3, "infra_overrides": {"image": "app:2"}},
        {"work_pool_name": "ag", "infrastructure": docker, "storage": github, "schedules": [cron("*/5 * * * *")]},
        {"work_pool_name": "ag", "infrastructure": DockerContainer(image="app:3", auto_remove=True)},
        {"work_pool_name": "ag", "infrastructure": docker, "infra_overrides": {"env.A": "x", "networks": ["outer"]}},
        {"work_pool_name": "ag", "infrastructure": jobs, "storage": gcs},
        {"work_pool_name": "ag", "infrastructure": jobs, "infra_overrides": {"namespace": "other", "env.A": "x"}},
        {"work_pool_name": "ag", "infrastructure": KubernetesJob(image="app:4"), "storage": azure},
        {"work_pool_name": "halted", "infrastructure": process, "parameters": {"who": "arthur"}},
        {"work_pool_name": "halted", "infrastructure": process, "storage": remote},
        {"work_pool_name": "typed", "tags": ["worker"], "schedules": [every(minutes=15), cron("0 6 * * 1", False)]},
        {"work_pool_name": "typed", "infra_overrides": {"env": {"A": "typed"}}, "version": "7", "description": "last"},
        {
            "work_queue_name": "test",
            "infrastructure": process,
            "schedules": [
                MinimalDeploymentSchedule(schedule=RRuleSchedule(rrule="FREQ=DAILY;BYHOUR=4;BYMINUTE=0;BYSECOND=0"))
            ],
        },
    ]
    return saved


def deploy() -> None:
    sys.path.insert(0, FOLDER)
    import flows

    for place, options in enumerate(deployments()):
        flow = flows.hello if place % 4 else flows.other
        active = options.pop("is_schedule_active", None)
        made = Deployment.build_from_flow(
            flow, f"d{place:02}", skip_upload=True, load_existing=False, apply=False, path=FOLDER, **options
        )
        made.entrypoint = f"flows.py:{flow.fn.__name__}"
        if made.storage is not None and "basepath" not in made.storage.__fields__:
            made.path = ""
        id = made.apply()
        if active is False:
            ask("POST", f"/deployments/{id}/pause_deployment", {})


def notices() -> None:
    hook = SlackWebhook(url=f"https://hooks.example.com/{SECRET}")
    block = hook.save("alarm", overwrite=True)
    Secret(value=SECRET).save("token", overwrite=True)
    policy = {"state_names": ["Failed", "Crashed"], "tags": ["nightly"], "block_document_id": str(block)}
    ask("POST", "/flow_run_notification_policies/", {**policy, "is_active": True})
    trigger = {"type": "event", "posture": "Reactive", "expect": ["prefect.flow-run.Failed"], "threshold": 1}
    first = ask("POST", "/deployments/filter", {"sort": "NAME_ASC", "limit": 1})[0]["id"]
    actions = [
        {"type": "send-notification", "block_document_id": str(block), "subject": "failed", "body": "a run failed"},
        {"type": "pause-deployment", "source": "selected", "deployment_id": first},
    ]
    ask("POST", "/automations/", {"name": "alarm", "trigger": trigger, "actions": actions})


if __name__ == "__main__":
    pools()
    limits_and_variables()
    deploy()
    notices()
