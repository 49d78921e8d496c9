"""Result files and uploads: whole, in part, and not at all if the client has them."""

import hashlib
import os

import httpx
import pytest

from tests.integration.gateway.serving import VTT, Place

FILM = os.urandom(3 * 2**20 + 17)


@pytest.fixture(scope="module")
def source(place: Place) -> str:
    place.complete("film", data=FILM, name="Über uns.mp4")
    return "/api/v1/videos/film/source"


def test_the_upload_is_sent_as_it_came(gateway: httpx.Client, source: str) -> None:
    answer = gateway.get(source)
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(FILM).digest()
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(FILM))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"].startswith("inline;")
    download = gateway.head(source, params={"download": "true"}).headers["content-disposition"]
    assert download.startswith("attachment;")
    assert "UTF-8''%C3%9Cber%20uns.mp4" in download


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        (f"bytes={len(FILM) - 3}-", len(FILM) - 3, len(FILM)),
        ("bytes=-100", len(FILM) - 100, len(FILM)),
        (f"bytes=-{len(FILM) * 2}", 0, len(FILM)),
        (f"bytes=1048570-{10**17}", 1048570, len(FILM)),
    ],
)
def test_a_range_is_sent(gateway: httpx.Client, source: str, asked: str, start: int, end: int) -> None:
    answer = gateway.get(source, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == FILM[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(FILM)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={len(FILM)}-", "bytes=-0", f"bytes={10**17}-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(
    gateway: httpx.Client, source: str, asked: str
) -> None:
    answer = gateway.get(source, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(FILM)}"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=a-b", f"bytes={'9' * 5000}-"]
)
def test_a_range_that_is_none_is_answered_with_the_whole(
    gateway: httpx.Client, source: str, asked: str
) -> None:
    answer = gateway.get(source, headers={"Range": asked})
    assert answer.status_code == 200
    assert len(answer.content) == len(FILM)


def test_conditions_are_kept(gateway: httpx.Client, source: str) -> None:
    etag = gateway.head(source).headers["etag"]
    part = {"Range": "bytes=0-9"}
    assert gateway.get(source, headers={"If-None-Match": etag}).status_code == 304
    assert gateway.get(source, headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    assert gateway.get(source, headers={"If-None-Match": '"x"'}).status_code == 200
    assert gateway.get(source, headers={**part, "If-Range": etag}).status_code == 206
    assert gateway.get(source, headers={**part, "If-Range": '"x"'}).status_code == 200
    assert gateway.get(source, headers={**part, "If-None-Match": etag}).status_code == 304


def test_who_wants_the_version_that_it_began_with_gets_no_other(
    gateway: httpx.Client, source: str
) -> None:
    etag = gateway.head(source).headers["etag"]
    part = {"Range": "bytes=5-"}
    for same in (etag, f'"x", {etag}', "*"):
        assert gateway.get(source, headers={**part, "If-Match": same}).status_code == 206
    for other in ('"x"', f"W/{etag}", ""):
        answer = gateway.get(source, headers={**part, "If-Match": other, "If-None-Match": etag})
        assert answer.status_code == 412
        assert answer.headers["content-type"] == "application/problem+json"
        assert gateway.head(source, headers={"If-Match": other}).status_code == 412


def test_head_tells_what_get_would(gateway: httpx.Client, source: str) -> None:
    head, got = gateway.head(source), gateway.get(source)
    same = ("etag", "content-type", "content-length", "accept-ranges", "content-disposition")
    assert {name: head.headers[name] for name in same} == {name: got.headers[name] for name in same}
    assert head.content == b""


def test_a_result_file_bears_its_digest_and_its_type(gateway: httpx.Client, source: str) -> None:
    video = gateway.get("/api/v1/videos/film").json()
    files = {file["name"]: file for file in video["files"]}
    assert set(files) == {"captions.en.transcribed.vtt", "transcript.json"}

    answer = gateway.get(files["captions.en.transcribed.vtt"]["url"])

    assert answer.content == VTT
    assert answer.headers["etag"] == f'"{hashlib.sha256(VTT).hexdigest()[:32]}"'
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "ber_uns.captions.en.transcribed.vtt" in answer.headers["content-disposition"]
    assert files["captions.en.transcribed.vtt"]["kind"] == "captions"


def test_each_revision_keeps_its_files(gateway: httpx.Client, place: Place) -> None:
    place.complete("twice", 1)
    place.complete("twice", 3)
    place.fail("twice", 4)
    files = "/api/v1/videos/twice/files/transcript.json"
    assert gateway.get(files).status_code == 200
    assert gateway.get(files, params={"revision": 1}).status_code == 200
    assert gateway.get(files, params={"revision": 2}).status_code == 404
    assert gateway.get(files, params={"revision": 4}).status_code == 404
    assert gateway.get(files, params={"revision": 0}).status_code == 422


def test_what_is_no_longer_in_the_store_is_not_found(gateway: httpx.Client, place: Place) -> None:
    place.complete("lost")
    for key in list(place.store.keys("results/lost/1/0123/")):
        place.store.delete(key)
    place.store.delete("uploads/lost/talk.mp4")
    assert gateway.get("/api/v1/videos/lost/files/transcript.json").status_code == 404
    assert gateway.get("/api/v1/videos/lost/source").status_code == 404
    assert gateway.get("/api/v1/videos/lost/timeline").status_code == 404
