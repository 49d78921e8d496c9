"""What is no upload, is too large, or makes no sense, is refused with a problem, and leaves nothing."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from connectors.objectstore import ObjectStore, open_store
from connectors.settings import Connections
from schemas.events import Options, Task
from schemas.uploads import load_upload, upload_key
from tests.integration.gateway.gateways import (
    Answer,
    Gateway,
    check_whole,
    film,
    gateways,
    until,
    video_of,
)

MB = 10**6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Connections:
    """A folder: what is refused does not depend on the store."""
    folder = tmp_path_factory.mktemp("uploads")
    return Connections.only(kafka_brokers="unused:1", store_url=(folder / "store").as_uri())


@pytest.fixture(scope="module")
def store(place: Connections) -> ObjectStore:
    return open_store(place)


@pytest.fixture(scope="module")
def small(place: Connections) -> Iterator[Gateway]:
    """A gateway that takes little."""
    with gateways(place) as fleet:
        yield fleet.start(max_bytes=MB, max_uploads=2)


def left(store: ObjectStore) -> set[str]:
    return {key for key in store.keys("") if not key.startswith(("results/", "digests/"))}


def refused(answer: Answer) -> dict[str, object]:
    """What a problem says."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, object] = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["detail"]
    return problem


def test_too_large_an_upload_is_refused_before_or_while_it_comes(
    small: Gateway, store: ObjectStore
) -> None:
    before = left(store)
    told = small.ask("PUT", "/upload/a.mkv", film(MB + 1))
    pieces = iter([film(600_000), film(600_000), film(600_000)])
    untold = small.ask("PUT", "/upload/a.mkv", pieces, encode_chunked=True, Transfer_Encoding="chunked")
    created = small.tus("POST", "/tus", Upload_Length=str(MB + 1), Upload_Metadata="filename YQ==")
    path = small.create(1000)
    more = small.patch(path, 0, film(1001))

    for answer in (told, untold, created, more):
        assert answer.status == 413, answer
        refused(answer)
    assert left(store) == before


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"Dear all, the lecture is moved.", "text"),
        (b"<!doctype html><script>alert(1)</script>" * 500, "an HTML or XML document"),
        (b"PK\x03\x04" + bytes(10_000), "a ZIP archive or an office document"),
        (b"\x7fELF" + bytes(100), "a program"),
    ],
)
def test_what_is_no_media_is_refused_by_what_it_holds(
    small: Gateway, store: ObjectStore, data: bytes, seen: str
) -> None:
    before = left(store)
    path = small.create(len(data))
    answers = [small.ask("PUT", "/upload/film.mp4", data), small.patch(path, 0, data)]

    for answer in answers:
        assert answer.status == 415, answer
        assert refused(answer)["seen"] == seen
    assert left(store) == before


def test_an_empty_file_is_refused(small: Gateway, store: ObjectStore) -> None:
    before = left(store)
    answers = [
        small.ask("PUT", "/upload/film.mp4", b""),
        small.ask("PUT", "/upload/film.mp4", iter(()), encode_chunked=True, Transfer_Encoding="chunked"),
        small.tus("POST", "/tus", Upload_Length="0", Upload_Metadata="filename YQ=="),
    ]

    for answer in answers:
        assert answer.status == 415, answer
        assert refused(answer)["seen"] == "an empty file"
    assert left(store) == before


def test_the_kind_is_seen_though_bytes_come_one_by_one(small: Gateway) -> None:
    data = b"Only text, and not much of it."
    path = small.create(len(data))
    for at in range(len(data) - 1):
        assert small.patch(path, at, data[at : at + 1]).status == 204

    assert small.patch(path, len(data) - 1, data[-1:]).status == 415
    assert small.tus("HEAD", path).status == 404


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../etc/passwd", "a/b.mkv", "a\\b.mkv", "a\nb.mkv", "a\0.mkv", "a" * 256]
)
def test_a_bad_name_is_refused(small: Gateway, store: ObjectStore, name: str) -> None:
    before = left(store)
    named = base64.b64encode(name.encode()).decode()
    answers = [
        small.ask("PUT", f"/upload/{quote(name, safe='')}", film(100)),
        small.ask("POST", f"/upload?name={quote(name, safe='')}", film(100)),
        small.tus("POST", "/tus", Upload_Length="9", Upload_Metadata=f"filename {named}"),
    ]

    for answer in answers:
        assert answer.status in (400, 404), answer  # 404: no address has a line break in it
        refused(answer)
    assert left(store) == before


def test_more_uploads_at_once_than_may_be_are_told_to_come_again(small: Gateway) -> None:
    paths = [small.create(100) for _ in range(3)]
    held = [small.begin(path, 0, 100) for path in paths[:2]]
    try:
        until(lambda: small.patch(paths[2], 0, film(100)).status == 503, "the third is refused")
        answer = small.ask("PUT", "/upload/a.mkv", film(100))
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        refused(answer)
    finally:
        for connection in held:
            connection.close()
    until(lambda: small.ask("PUT", "/upload/a.mkv", film(100)).status == 201, "there is room again")


# The protocol


def test_the_protocols_options_are_told(small: Gateway) -> None:
    for path in ("/tus", "/tus/"):
        answer = small.ask("OPTIONS", path)
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == str(MB)
        assert "creation-with-upload" in answer.headers["Tus-Extension"].split(",")


def test_another_version_of_the_protocol_is_refused(small: Gateway) -> None:
    answer = small.ask("POST", "/tus", Tus_Resumable="0.2.2", Upload_Length="5")

    assert answer.status == 412
    assert answer.headers["Tus-Version"] == "1.0.0"


def test_an_upload_may_begin_with_its_creation(small: Gateway, store: ObjectStore) -> None:
    data = film(5000)
    meant = {"Upload_Length": "5000", "Upload_Metadata": "filename ZmlsbS5ta3Y=,language ZGU="}
    half = small.tus("POST", "/tus/", data[:2000], **meant)
    path = half.headers["Location"].removeprefix("/api/v1")
    whole = small.tus("POST", "/tus/", data, **meant)

    assert (half.status, half.headers["Upload-Offset"]) == (201, "2000")
    assert half.headers["Upload-Expires"].endswith(" GMT")
    told = small.tus("HEAD", path)
    assert (told.headers["Upload-Length"], told.headers["Upload-Offset"]) == ("5000", "2000")
    assert told.headers["Upload-Metadata"] == meant["Upload_Metadata"]
    assert told.headers["Cache-Control"] == "no-store"
    assert whole.status == 201
    check_whole(store, whole.headers["X-Reelay-Video"], data)


def test_an_upload_that_is_given_up_is_gone(small: Gateway, store: ObjectStore) -> None:
    before = left(store)
    path = small.create(5000)
    assert small.patch(path, 0, film(4000)).status == 204

    assert small.tus("DELETE", path).status == 204
    assert small.tus("HEAD", path).status == 404
    assert small.tus("DELETE", path).status == 404
    assert small.patch(path, 4000, bytes(1000)).status == 404
    assert left(store) == before


def test_a_video_is_not_deleted_as_an_upload(small: Gateway, store: ObjectStore) -> None:
    data = film(5000)
    path = small.create(len(data))
    assert small.patch(path, 0, data).status == 204

    assert small.tus("DELETE", path).status == 409
    check_whole(store, video_of(path), data)


def test_a_request_at_a_wrong_place_is_told_the_right_one(small: Gateway) -> None:
    path = small.create(5000)
    answer = small.patch(path, 7, film(100))

    assert answer.status == 409
    assert refused(answer)["offset"] == 0
    assert answer.headers["Tus-Resumable"] == "1.0.0"


def test_methods_may_be_named_by_a_header(small: Gateway, store: ObjectStore) -> None:
    data = film(100)
    path = small.create(100)

    assert small.tus("POST", path, data, X_HTTP_Method_Override="PATCH", Upload_Offset="0").status == 204
    assert small.tus("POST", path, data).status == 405
    check_whole(store, video_of(path), data)


@pytest.mark.parametrize("video_id", ["x", "..", "%2e%2e%2f" * 3, "0" * 32, "a" * 32 + ".json"])
def test_there_is_no_upload_of_an_unknown_id(small: Gateway, video_id: str) -> None:
    for method, more in (("HEAD", {}), ("DELETE", {}), ("PATCH", {"Upload_Offset": "0"})):
        body = b"x" if method == "PATCH" else None
        assert small.tus(method, f"/tus/{video_id}", body, **more).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload_Length": "-5"},
        {"Upload_Length": "many"},
        {"Upload_Length": "1" * 30},
        {"Upload_Length": "5", "Upload_Metadata": "filename not-base64!"},
        {"Upload_Length": "5", "Upload_Metadata": "filename /////w=="},
        {"Upload_Length": "5", "Upload_Metadata": "a" * 5000 + " YQ=="},
    ],
)
def test_a_creation_that_makes_no_sense_is_refused(small: Gateway, headers: dict[str, str]) -> None:
    answer = small.tus("POST", "/tus", **headers)

    assert answer.status == 400, answer
    refused(answer)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("language", "<script>"),
        ("language", "en" + "-abcdefgh" * 9),
        ("language", ""),
        ("model", "../model"),
        ("model", ""),
        ("task", "summarise"),
        ("task", ""),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_as_a_replays_is(
    small: Gateway, store: ObjectStore, option: str, value: str
) -> None:
    before = left(store)
    query = f"{option}={quote(value, safe='')}"
    metadata = f"filename YQ==,{option} {base64.b64encode(value.encode()).decode()}"
    answers = [
        small.ask("PUT", f"/upload/a.mkv?{query}", film(100)),
        small.ask("POST", f"/upload?name=a.mkv&{query}", film(100)),
        small.tus("POST", "/tus", Upload_Length="9", Upload_Metadata=metadata),
    ]

    for answer in answers:
        assert answer.status == 422, answer
        assert option in str(refused(answer)["detail"])
    assert left(store) == before


def test_what_is_asked_for_with_an_upload_is_its_revisions(small: Gateway, store: ObjectStore) -> None:
    said = {"language": "pt-BR", "model": "large-v3", "task": "translate"}
    query = "&".join(f"{name}={value}" for name, value in said.items())
    pairs = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
    metadata = ",".join(("filename YQ==", *pairs))
    plain = small.ask("PUT", f"/upload/a.mkv?{query}", film(100))
    tus = small.tus("POST", "/tus", film(100), Upload_Length="100", Upload_Metadata=metadata)

    for video_id in (json.loads(plain.body)["video_id"], tus.headers["X-Reelay-Video"]):
        upload = load_upload(store.get(upload_key(video_id, 1)))
        assert upload.options == Options(
            language="pt-BR", model="large-v3", task=Task.TRANSLATE, reuse=True
        )


def test_a_form_is_told_to_be_sent_as_the_file_itself(small: Gateway) -> None:
    answer = small.ask("POST", "/upload?name=a.mkv", film(100), Content_Type="multipart/form-data")

    assert answer.status == 415
    assert "not a form" in str(refused(answer)["detail"])
