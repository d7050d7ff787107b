"""The artifacts: the latest of each key, one of them, and the versions of a key."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from penstock.server.bind import Reply
from penstock.ui.artifact_views import view_of
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.run_lists import names_of
from penstock.ui.templating import pretty
from penstock.wire import artifacts as wire
from penstock.wire import flow_runs
from penstock.wire.artifacts import Artifact
from penstock.wire.model import Criteria

PAGE = 25
VERSIONS = 15
TYPES = ("markdown", "table", "image", "progress", "result")


@page("GET", "/artifacts")
async def show_all(at: Reader) -> Reply:
    """A page of the latest artifacts of each key, those that changed last first."""
    passed, key, kind = at.passed(), at.asked("key")[:200], at.asked("type")
    wanted: dict[str, Any] = {}
    if key:
        wanted["key"] = {"like_": key}
    if kind:
        wanted["type"] = {"any_": [kind]}
    found = await at.api.call(
        wire.filter_latest_artifacts,
        Criteria(artifacts=wanted, sort="UPDATED_DESC", limit=PAGE + 1, offset=passed),
    )
    shown = found[:PAGE]
    return at.render(
        "artifacts.html",
        artifacts=shown,
        run_names=await _run_names(at, [one.flow_run_id for one in shown]),
        older=str(passed + PAGE) if len(found) > PAGE else "",
        key=key,
        kind=kind,
        types=TYPES,
    )


@page("GET", "/artifacts/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of one artifact."""
    return await _one(at, await at.api.call(wire.read_artifact, id=id_in(id)), about=f"prefect.artifact.{id}")


@page("GET", "/artifacts/key/{key}")
async def show_latest(at: Reader, key: str) -> Reply:
    """The latest artifact of a key, whichever that is."""
    return await _one(at, await at.api.call(wire.read_latest_artifact, key=key), about="prefect.artifact")


@page("GET", "/artifacts/{id}/data")
async def download(at: Reader, id: str) -> Reply:
    """The data alone, as a file of text."""
    one = await at.api.call(wire.read_artifact, id=id_in(id))
    text = one.data if isinstance(one.data, str) else pretty(one.data)
    name = f'attachment; filename="{one.id}.txt"'.encode()
    return Reply(200, text.encode(), [(b"content-disposition", name)], b"text/plain; charset=utf-8")


@page("POST", "/artifacts/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Deletes it; the one before then is the latest of its key."""
    one = await at.api.call(wire.read_artifact, id=id_in(id))
    await at.api.call(wire.delete_artifact, id=one.id)
    return at.go(at.link("/artifacts"), f"An artifact {one.key or 'without a key'} was deleted.")


async def _one(at: Reader, artifact: Artifact, about: str) -> Reply:
    view, (versions, older), run_names = await asyncio.gather(
        asyncio.to_thread(view_of, artifact.type, artifact.data),
        _versions(at, artifact.key),
        _run_names(at, [artifact.flow_run_id]),
    )
    return at.render(
        "artifact.html",
        artifact=artifact,
        view=view,
        versions=versions,
        older=older,
        run_name=run_names.get(artifact.flow_run_id, "a deleted one"),
        about=about,
    )


async def _versions(at: Reader, key: str | None) -> tuple[list[Artifact], str]:
    """A page of all artifacts of a key, the newest first, and the key of the next."""
    if key is None:
        return [], ""
    passed = at.passed()
    wanted = Criteria(artifacts={"key": {"any_": [key]}}, sort="ID_DESC", limit=VERSIONS + 1, offset=passed)
    found = await at.api.call(wire.filter_artifacts, wanted)
    return found[:VERSIONS], str(passed + VERSIONS) if len(found) > VERSIONS else ""


async def _run_names(at: Reader, ids: list[UUID | None]) -> dict[UUID | None, str]:
    wanted = sorted({str(id) for id in ids if id})
    return await names_of(at.api, flow_runs.filter_flow_runs, "flow_runs", wanted)
