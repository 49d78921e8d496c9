"""`reelay up` with its page and API, as whoever has no command line uses it."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.up.conftest import Clips
from tests.integration.up.world import DEADLINE_S, World, soon

VIDEOS = "/api/v1/videos"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("served")
    world = World(root, tmp_path_factory.getbasetemp(), root / "out")
    world.start("--http", "127.0.0.1:0")
    yield world
    world.close()


@pytest.fixture(scope="module")
def page(up: World) -> Iterator[httpx.Client]:
    """A client of the address that `up` has printed."""
    [line] = soon(lambda: [line for line in up.said().splitlines() if line.startswith("Page: ")])
    with httpx.Client(base_url=line.removeprefix("Page: "), timeout=DEADLINE_S) as client:
        soon(lambda: answers(client))
        yield client


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def until(look: Callable[[], dict[str, Any]], state: str, revision: int) -> dict[str, Any]:
    """The video once that revision is in that state."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        video = look()
        if (video["state"], video["revision"]) == (state, revision):
            return video
        assert time.monotonic() < deadline, video
        time.sleep(0.2)


def test_a_film_is_uploaded_captioned_corrected_and_found(
    up: World, page: httpx.Client, clips: Clips
) -> None:
    clip = clips.one("talk")
    with page.stream("GET", "/api/v1/events") as events:
        uploaded = page.put("/api/v1/upload/talk.wav", content=clip.read_bytes())
        assert uploaded.status_code == 201, uploaded.text
        video_id = uploaded.json()["video_id"]
        to_come = {"event: snapshot", "event: video", "event: progress", "event: caption", "the end"}
        for line in events.iter_lines():  # what lies in different topics comes in any order
            is_end = line.startswith("data: ") and '"state":"completed"' in line
            to_come.discard("the end" if is_end else line)
            if not to_come:
                break
    assert not to_come

    video = until(lambda: page.get(f"{VIDEOS}/{video_id}").json(), "completed", 1)
    files = {file["name"]: file["url"] for file in video["files"]}
    vtt = page.get(files["captions.en.transcribed.vtt"]).text
    assert page.get(f"{VIDEOS}/{video_id}/source").content == clip.read_bytes()
    assert page.get(f"{VIDEOS}/{video_id}/timeline").json()["stages"]
    assert [each["video_id"] for each in page.get(VIDEOS).json()["videos"]] == [video_id]

    head, _, _ = vtt.rpartition("\n\n")
    corrected = f"{head}\n\n00:02.900 --> 00:02.950\nReelay\n"
    answer = page.put(
        f"{VIDEOS}/{video_id}/captions/en",
        content=corrected.encode(),
        headers={"Content-Type": "text/vtt"},
    )
    assert answer.json()["revision"] == 2, answer.text
    video = until(lambda: page.get(f"{VIDEOS}/{video_id}").json(), "completed", 2)
    files = {file["name"]: file["url"] for file in video["files"]}
    assert page.get(files["captions.en.corrected.srt"]).text.endswith("Reelay\n")
    assert page.get(files["captions.en.transcribed.vtt"]).text == vtt
    assert page.delete(f"{VIDEOS}/{video_id}").status_code == 202
    soon(lambda: page.get(f"{VIDEOS}/{video_id}").status_code == 404)


def test_the_gateway_is_started_again_at_the_same_address(up: World, page: httpx.Client) -> None:
    first = up.process("gateway").pid
    os.kill(first, signal.SIGKILL)
    soon(lambda: up.process("gateway").pid != first)
    soon(lambda: answers(page))
    assert page.get("/").headers["content-type"].startswith("text/html")


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    world = World(tmp_path, tmp_path, tmp_path / "out")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = world("up", "--model", "tiny.en", "--http", f"127.0.0.1:{port}", check=False)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [("0.0.0.0:0", 1, "needs API keys"), ("8080", 2, "expected HOST:PORT"), ("a:99999", 2, "HOST:PORT")],
)
def test_an_address_that_cannot_be_served_is_refused(
    tmp_path: Path, address: str, status: int, said: str
) -> None:
    world = World(tmp_path, tmp_path, tmp_path / "out")
    refused = world("up", "--model", "tiny.en", "--http", address, check=False)
    assert refused.returncode == status
    assert said in refused.stderr
