"""The Kubernetes driver keeps the contract, against a double of the API server that checks every manifest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from penstock.errors import InfrastructureFailed
from penstock.infra.kubernetes import KubernetesInfrastructure
from penstock.infra.protocol import Exit, Infrastructure, Job
from penstock.testing.infrastructure import RemoteContract, hosted, job
from tests.contracts.infra.clouds import QUICK, filled
from tests.live.cloud_http import Fault
from tests.live.kubernetes_api import Behaviour, Cluster, kubeconfig, served

PATIENCE = 20.0


class KubernetesStage:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def driver(self) -> Infrastructure:
        return KubernetesInfrastructure(QUICK)

    def configured(self, behaviour: Behaviour | None, **variables: Any) -> Mapping[str, Any]:
        """A job whose image does this."""
        image = f"image-{len(self.cluster.behaviours)}"
        if behaviour:
            self.cluster.behaviours[image] = behaviour
        return filled("kubernetes", image=image, cluster_config=kubeconfig(self.cluster.address), **variables)

    def ends(self, code: int, output: str = "") -> Mapping[str, Any]:
        return self.configured(Behaviour(code, output))

    def stays(self) -> Mapping[str, Any]:
        return self.configured(Behaviour())

    def impossible(self) -> Mapping[str, Any]:
        return {**self.stays(), "job_manifest": {"spec": {"template": {"spec": {"containers": []}}}}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    double = Cluster()
    with served(double):
        yield double


@pytest.fixture
def stage(cluster: Cluster) -> KubernetesStage:
    return KubernetesStage(cluster)


async def end(stage: KubernetesStage, configuration: Mapping[str, Any]) -> Exit:
    """How a job ends by itself."""
    async with hosted(stage) as driver:
        started = await driver.start(job(configuration))
        return await asyncio.wait_for(driver.wait(started.handle), PATIENCE)


async def told(call: Any, *arguments: Any) -> Any:
    """What the double says, which may wait for the driver."""
    return await asyncio.to_thread(call, *arguments)


class TestKubernetes(RemoteContract):
    async def test_the_manifest_has_what_the_run_needs(self, stage: KubernetesStage, cluster: Cluster) -> None:
        configuration = {
            **stage.configured(
                Behaviour(0), cpu_limit="1", memory_request="1Gi", finished_job_ttl=60, service_account_name="flows"
            ),
            "labels": {"prefect.io/flow-run-name": "my run, with ümlauts!", "a b": "c/d"},
            "name": "my run",
        }
        wanted = Job(
            identity="0b5c0e24-6a4e-4d3c-9d5e-1f0a7c1f2e3d-1",
            configuration=configuration,
            env={"A": "1", "B": ""},
            command=["penstock", "flow-run", "execute"],
        )
        async with hosted(stage) as driver:
            started = await driver.start(wanted)
            await asyncio.wait_for(driver.wait(started.handle), PATIENCE)
        assert started.pid == "default:penstock-0b5c0e24-6a4e-4d3c-9d5e-1f0a7c1f2e3d-1"
        sent = cluster.job()
        assert sent["metadata"]["labels"]["prefect.io/flow-run-name"] == "my-run-with-mlauts"
        assert sent["metadata"]["labels"]["a-b"] == "c-d"
        assert sent["metadata"]["annotations"]["penstock/run"] == "my run"
        assert (sent["spec"]["backoffLimit"], sent["spec"]["completions"]) == (0, 1)
        assert sent["spec"]["ttlSecondsAfterFinished"] == 60
        assert sent["spec"]["template"]["metadata"]["labels"] == sent["metadata"]["labels"]
        pod = sent["spec"]["template"]["spec"]
        assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "flows")
        [container] = pod["containers"]
        assert container["args"] == ["penstock", "flow-run", "execute"]
        assert container["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": ""}]
        assert container["resources"] == {"limits": {"cpu": "1"}, "requests": {"memory": "1Gi"}}

    async def test_what_a_manifest_says_itself_is_kept(self, stage: KubernetesStage, cluster: Cluster) -> None:
        configuration = dict(stage.configured(Behaviour(0), command="echo 'a b'"))
        container = configuration["job_manifest"]["spec"]["template"]["spec"]["containers"][0]
        secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}}
        container["env"] = [secret]
        wanted = Job(identity="run-1", configuration=configuration, env={"KEY": "mine", "A": "1"})
        async with hosted(stage) as driver:
            await driver.start(wanted)
        [container] = cluster.job()["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [secret, {"name": "A", "value": "1"}]
        assert container["args"] == ["echo", "a b"]

    async def test_what_the_cluster_refuses_is_told_in_its_words(self, stage: KubernetesStage) -> None:
        configuration = dict(stage.stays())
        configuration["job_manifest"]["spec"]["template"]["spec"]["containers"][0]["imagePull"] = "Always"
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=r"422 Invalid.*imagePull"):
                await driver.start(job(configuration))

    async def test_an_image_is_asked_for(self, stage: KubernetesStage, cluster: Cluster) -> None:
        configuration = filled("kubernetes", cluster_config=kubeconfig(cluster.address))
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match="job variable `image`"):
                await driver.start(job(configuration))

    async def test_a_lost_answer_is_no_second_start(self, stage: KubernetesStage, cluster: Cluster) -> None:
        cluster.faults = [Fault("POST", 429), Fault("POST", 503), Fault("POST", 0, carried_out=True)]
        assert (await end(stage, stage.ends(0))).code == 0
        assert sum(one.startswith("POST") for one in cluster.asked) == 4

    async def test_a_server_that_goes_on_failing_is_given_up(self, stage: KubernetesStage, cluster: Cluster) -> None:
        cluster.faults = [Fault("POST", 500) for _ in range(QUICK.attempts)]
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=r"after 4 attempts.*scripted failure \(500\)"):
                await driver.start(job(stage.ends(0)))

    async def test_watches_that_break_expire_and_repeat_miss_nothing(
        self, stage: KubernetesStage, cluster: Cluster
    ) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            pod = await told(cluster.pod)
            for kind in ("jobs", "pods", "events"):
                await told(cluster.watched, kind)
            cluster.cut()
            await told(cluster.watched, "pods", 2)
            cluster.repeat()
            cluster.faults = [Fault("GET default/pods", status) for status in (500, 429, 0, 410)]
            cluster.expire()
            await told(cluster.watched, "pods", 3)
            cluster.terminate(pod, 137, "OOMKilled")
            ended = await asyncio.wait_for(driver.wait(started.handle), PATIENCE)
        assert ended == Exit(-9, reason="The container was killed for want of memory (OOMKilled).")

    async def test_what_happened_while_nothing_was_watched_is_found(
        self, stage: KubernetesStage, cluster: Cluster
    ) -> None:
        cluster.page = 1
        async with hosted(stage) as driver:
            first = await driver.start(job(stage.stays()))
            pod = await told(cluster.pod)
            await told(cluster.watched, "pods")
            cluster.faults = [Fault("WATCH", 503) for _ in range(6)]
            cluster.cut()
            cluster.evict(pod, "The node was low on resource: memory.")
            second = await driver.start(job(stage.ends(4), "run-2"))
            ends = await asyncio.wait_for(
                asyncio.gather(driver.wait(first.handle), driver.wait(second.handle)), PATIENCE
            )
        assert [(one.code, one.lost) for one in ends] == [(None, True), (4, False)]
        assert ends[0].reason == "Evicted: The node was low on resource: memory."

    async def test_without_the_right_to_watch_jobs_are_listed(
        self, stage: KubernetesStage, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("penstock.infra.kubernetes.feed.REFUSED_SECONDS", 0.02)
        cluster.faults = [Fault("WATCH", 403) for _ in range(500)]
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            pod = await told(cluster.pod)
            await told(cluster.watched, "pods")
            cluster.terminate(pod, 2)
            assert (await asyncio.wait_for(driver.wait(started.handle), PATIENCE)).code == 2

    async def test_an_image_that_can_not_be_pulled_ends_the_job(self, stage: KubernetesStage, cluster: Cluster) -> None:
        waits = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.configured(Behaviour(waits=waits), pod_watch_timeout_seconds=1)))
            pod = await told(cluster.pod)
            said = 'Failed to pull image "image-0": pull access denied, repository does not exist'
            cluster.event(pod, "Failed", said)
            cluster.event(pod, "Failed", "Error: ErrImagePull")
            ended = await asyncio.wait_for(driver.wait(started.handle), PATIENCE)
        assert (ended.code, ended.lost) == (125, False)
        assert "did not begin within 1 s (pod_watch_timeout_seconds)" in ended.reason
        assert f"'image-0' can't be pulled (ImagePullBackOff): {said}" in ended.reason
        assert cluster.things["jobs"] == {}, "it must not begin after it was given up"

    @pytest.mark.parametrize(
        ("behaviour", "said"),
        [
            (Behaviour(waits={"reason": "InvalidImageName", "message": "couldn't parse"}), "couldn't parse"),
            (Behaviour(unschedulable="0/3 nodes are available: 3 Insufficient cpu."), "3 Insufficient cpu"),
            (Behaviour(waits={"reason": "CreateContainerConfigError", "message": 'secret "k" not found'}), "secret"),
            (None, "No pod could be created: exceeded quota"),
        ],
    )
    async def test_what_keeps_a_pod_from_beginning_is_told(
        self, stage: KubernetesStage, behaviour: Behaviour | None, said: str
    ) -> None:
        configuration = {**stage.configured(behaviour), "pod_watch_timeout_seconds": 0.2}
        ended = await end(stage, configuration)
        assert (ended.code, ended.lost) == (125, False)
        assert said in ended.reason

    async def test_a_pod_that_waits_is_explained_while_it_waits(
        self,
        stage: KubernetesStage,
        cluster: Cluster,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("penstock.infra.kubernetes.hosted.TELL_SECONDS", 0.05)
        caplog.set_level("DEBUG", logger="penstock")
        why = "0/3 nodes are available: 3 Insufficient memory."
        heard = asyncio.Event()

        def listen(record: logging.LogRecord) -> bool:
            if why in record.getMessage():
                heard.set()
            return True

        caplog.handler.addFilter(listen)
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.configured(Behaviour(unschedulable=why))))
            pod = await told(cluster.pod)
            await asyncio.wait_for(heard.wait(), PATIENCE)
            cluster.terminate(pod, 0)
            assert (await asyncio.wait_for(driver.wait(started.handle), PATIENCE)).code == 0
        assert caplog.text.count(why) == 1
        assert "t0ken" not in caplog.text

    async def test_a_suspended_job_may_wait_as_long_as_it_is_let(
        self, stage: KubernetesStage, cluster: Cluster
    ) -> None:
        configuration = {**stage.configured(None), "pod_watch_timeout_seconds": 0.1}
        configuration["job_manifest"]["spec"]["suspend"] = True
        async with hosted(stage) as driver:
            started = await driver.start(job(configuration))
            await told(cluster.watched, "jobs")
            waiting = asyncio.ensure_future(driver.wait(started.handle))
            await asyncio.wait({waiting}, timeout=0.4)
            assert not waiting.done()
            cluster.change("jobs", cluster.job(), suspend=False)
            ended = await asyncio.wait_for(waiting, PATIENCE)
        assert "No pod could be created" in ended.reason

    async def test_a_container_beside_the_run_does_not_keep_the_job(
        self, stage: KubernetesStage, cluster: Cluster
    ) -> None:
        configuration = stage.configured(Behaviour())
        pod_spec = configuration["job_manifest"]["spec"]["template"]["spec"]
        pod_spec["containers"].append({"name": "proxy", "image": "proxy"})
        async with hosted(stage) as driver:
            started = await driver.start(job(configuration))
            cluster.end_beside(await told(cluster.pod), 3)
            assert (await asyncio.wait_for(driver.wait(started.handle), PATIENCE)).code == 3
            await driver.forget(started.handle)
        assert cluster.things["jobs"] == cluster.things["pods"] == {}

    async def test_a_job_that_takes_too_long_is_ended(self, stage: KubernetesStage, cluster: Cluster) -> None:
        ended = await end(stage, {**stage.stays(), "job_watch_timeout_seconds": 0.1})
        assert ended == Exit(-15, reason="It did not end within 0.1 s (job_watch_timeout_seconds), so it was deleted.")
        assert cluster.things["jobs"] == {}

    async def test_a_pod_that_is_deaf_is_ended_by_force(self, stage: KubernetesStage, cluster: Cluster) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.configured(Behaviour(deaf=True))))
            await told(cluster.watched, "pods")
            await driver.stop(started.handle, 0.05)
            ended = await driver.wait(started.handle)
        assert (ended.code, cluster.things["pods"]) == (-9, {})
        graces = [
            one.partition("gracePeriodSeconds=")[2] for one in cluster.asked if one.startswith("DELETE default/pods")
        ]
        assert graces[-1] == "0"

    async def test_a_stop_goes_on_until_the_server_answers(self, stage: KubernetesStage, cluster: Cluster) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            cluster.faults = [Fault("DELETE", status) for status in (500, 0, 503, 429, 500, 0, 500)]
            await asyncio.wait_for(driver.stop(started.handle, 5), PATIENCE)
            assert (await driver.wait(started.handle)).code == -15

    async def test_a_job_that_somebody_deletes_has_ended(self, stage: KubernetesStage, cluster: Cluster) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            pod = await told(cluster.pod)
            await told(cluster.watched, "pods")
            cluster.vanish("jobs", cluster.job())
            waiting = asyncio.ensure_future(driver.wait(started.handle))
            await told(cluster.watched, "jobs")
            assert not waiting.done(), "its pod may still be at work"
            cluster.vanish("pods", pod)
            ended = await asyncio.wait_for(waiting, PATIENCE)
        assert ended == Exit(None, reason="The job was deleted in the cluster, and nothing says how it ended.")

    async def test_output_is_whole_though_its_connection_breaks(self, stage: KubernetesStage, cluster: Cluster) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.configured(Behaviour(output="one\ntwo"))))
            pod = await told(cluster.pod)
            lines = []
            async for line in driver.logs(started.handle):
                lines.append(line)
                if line == b"two\n":
                    cluster.cut()
                    cluster.logs[pod["metadata"]["name"]].append("three")
                    cluster.terminate(pod, 0)
        assert lines == [b"one\n", b"two\n", b"three\n"]

    async def test_nothing_is_watched_while_there_is_no_job(self, stage: KubernetesStage, cluster: Cluster) -> None:
        async with hosted(stage) as driver:
            assert cluster.asked == []
            started = await driver.start(job(stage.ends(0)))
            await driver.wait(started.handle)
            await driver.forget(started.handle)
            await asyncio.sleep(0)
            before = list(cluster.asked)
            cluster.repeat()
            assert cluster.asked == before

    @pytest.mark.parametrize(
        ("part", "field", "value"),
        [
            ("users", "exec", {"command": "touch", "args": ["/tmp/owned"]}),
            ("users", "tokenFile", "/etc/passwd"),
            ("users", "auth-provider", {"name": "gcp"}),
            ("clusters", "certificate-authority", "/etc/passwd"),
        ],
    )
    async def test_a_block_reaches_nothing_of_the_server(
        self, stage: KubernetesStage, cluster: Cluster, part: str, field: str, value: object
    ) -> None:
        kept = kubeconfig(cluster.address)
        kept["config"][part][0][part.removesuffix("s")][field] = value
        configuration = {**stage.ends(0), "cluster_config": kept}
        driver = KubernetesInfrastructure.for_server()
        with pytest.raises(InfrastructureFailed, match=rf"{part}\[0\].*{field}.*of the server"):
            await driver.start(job(configuration))
        assert cluster.asked == []
        await driver.close()

    async def test_a_namespace_that_is_not_there_is_named(self, stage: KubernetesStage, cluster: Cluster) -> None:
        cluster.faults = [Fault("POST nowhere/jobs", 404)]
        configuration = stage.configured(Behaviour(), namespace="nowhere")
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match="no namespace 'nowhere'"):
                await driver.start(job(configuration))
