"""The contract that every object store keeps; each implementation is a parameter of `store`."""

import filecmp
import hashlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import DependencyDown
from connectors.objectstore import (
    PART_BYTES,
    FolderStore,
    ObjectMissing,
    ObjectStore,
    Part,
    PartsGone,
    open_store,
    ref_to,
)
from connectors.objectstore.contract import probe, put_once
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from tests.disks import small_disk
from tests.unit.connectors.racers import RACERS, ROUNDS, key_of, race, race_of_processes

BAD_KEYS = ["", "/", "/etc/passwd", "..", "a/../b", "../a", "a//b", "a/", "./a", "a/./b", "a\0b"]


def connections(store_url: str) -> Connections:
    return Connections.only(kafka_brokers="unused:1", store_url=store_url)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Connections:
    """Where an empty store is."""
    if request.param == "folder":
        return connections((tmp_path / "store").as_uri())
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.connections(
        store_url=f"s3://reelay/objects of/{uuid4()}", scratch_folder=str(tmp_path / "scratch")
    )


@pytest.fixture
def store(place: Connections) -> ObjectStore:
    return open_store(place)


def test_an_object_is_read_as_it_was_put(store: ObjectStore) -> None:
    ref = store.put("media/a/words.json", b"words")

    assert store.get("media/a/words.json") == b"words"
    assert ref == ref_to("media/a/words.json", b"words")
    assert ref.sha256 == hashlib.sha256(b"words").hexdigest()
    assert ref.size_bytes == 5


def test_a_put_replaces_what_was_there(store: ObjectStore) -> None:
    store.put("a", b"first, and longer")
    store.put("a", b"second")

    assert store.get("a") == b"second"


@pytest.mark.parametrize("size", [0, 5, 20_000_001])
def test_a_file_is_put_as_it_is(store: ObjectStore, tmp_path: Path, size: int) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(size))

    ref = store.put_file("uploads/v/film.mp4", path)

    assert ref == ref_to("uploads/v/film.mp4", path.read_bytes()) == store.find("uploads/v/film.mp4")
    with store.local_file("uploads/v/film.mp4") as copy:
        assert filecmp.cmp(copy, path, shallow=False)


def test_a_file_that_is_not_there_is_no_object(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put_file("uploads/v/film.mp4", tmp_path / "film.mp4")

    assert list(store.keys("")) == []


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("a", b"")

    assert store.get("a") == b""
    assert store.find("a") == ref_to("a", b"")


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    store.put("a/b", b"")
    for missing in ("b", "a", "a/b/c"):
        with pytest.raises(ObjectMissing, match=missing):
            store.get(missing)
        with pytest.raises(ObjectMissing, match=missing), store.local_file(missing):
            pass
        assert store.find(missing) is None


def test_only_the_first_creates_an_object(store: ObjectStore) -> None:
    assert store.put_if_absent("results/v/1/outcome.json", b"first")
    assert not store.put_if_absent("results/v/1/outcome.json", b"second")

    assert store.get("results/v/1/outcome.json") == b"first"


def test_an_artefact_is_stored_once_and_the_first_is_named(store: ObjectStore) -> None:
    assert put_once(store, "a", b"first") == ref_to("a", b"first")
    assert put_once(store, "a", b"second") == ref_to("a", b"first")


def test_a_found_artefact_has_its_digest_and_size(store: ObjectStore) -> None:
    store.put("a", b"words")

    assert store.find("a") == ref_to("a", b"words")


def test_a_local_file_holds_the_bytes(store: ObjectStore) -> None:
    store.put("uploads/v/talk.mp4", b"film")

    with store.local_file("uploads/v/talk.mp4") as path:
        assert path.read_bytes() == b"film"


def test_keys_are_those_below_a_prefix(store: ObjectStore) -> None:
    for key in ("results/v/1/a", "results/v/2/b", "results/vv/1/c", "media/d"):
        store.put(key, b"")

    assert list(store.keys("results/v/")) == ["results/v/1/a", "results/v/2/b"]
    assert sorted(store.keys("")) == ["media/d", "results/v/1/a", "results/v/2/b", "results/vv/1/c"]
    assert list(store.keys("nothing/")) == []


def test_entries_tell_sizes_and_ages(store: ObjectStore) -> None:
    before = time.time() - 60
    store.put("media/a", b"12345")
    store.put("media/b/c", b"")
    store.put("results/d", b"")

    entries = list(store.entries("media/"))

    assert [(entry.key, entry.size_bytes) for entry in entries] == [("media/a", 5), ("media/b/c", 0)]
    assert all(before < entry.modified < time.time() + 60 for entry in entries)
    assert [entry.key for entry in store.entries("")] == list(store.keys(""))


def test_a_long_list_is_complete(store: ObjectStore) -> None:
    """A server lists a thousand at a time."""
    keys = [f"media/{number:04}" for number in range(1100)]
    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(lambda key: store.put(key, b""), keys))

    assert list(store.keys("media/")) == keys


def test_a_store_that_works_passes_the_probe(store: ObjectStore) -> None:
    probe(store, "test")

    assert list(store.keys("")) == []


def test_a_deleted_object_is_gone_and_deleting_again_does_nothing(store: ObjectStore) -> None:
    store.put("a/b/c", b"")
    store.put("a/d", b"kept")

    store.delete("a/b/c")
    store.delete("a/b/c")

    assert list(store.keys("")) == ["a/d"]
    assert store.put_if_absent("a/b/c", b"again")


def test_a_folder_of_keys_is_no_object_to_delete(store: ObjectStore) -> None:
    store.put("a/b", b"kept")

    store.delete("a")

    assert store.get("a/b") == b"kept"


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_is_no_plain_path_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        store.put(key, b"")
    with pytest.raises(ValueError, match="key"):
        store.get(key)
    with pytest.raises(ValueError, match="key"):
        store.delete(key)


LONG_KEYS = [f"results/{'z' * 300}/1/outcome.json", f"results/v/{'z' * 300}"]


@pytest.mark.parametrize("key", LONG_KEYS)
def test_a_name_that_no_store_can_hold_is_a_wrong_key_and_not_a_store_that_is_down(
    store: ObjectStore, tmp_path: Path, key: str
) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    asked: list[Callable[[], object]] = [
        lambda: store.put(key, b""),
        lambda: store.put_file(key, tmp_path / "film.mp4"),
        lambda: store.put_if_absent(key, b""),
        lambda: store.get(key),
        lambda: store.size(key),
        lambda: list(store.read_range(key, 0, 1)),
        lambda: store.find(key),
        lambda: store.local_file(key).__enter__(),
        lambda: store.delete(key),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="key"):
            ask()

    assert list(store.keys(f"{key}/")) == []


@pytest.mark.parametrize(
    ("there", "key"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a/b")]
)
def test_an_object_that_would_lie_in_another_is_a_wrong_key(
    store: ObjectStore, there: str, key: str
) -> None:
    store.put(there, b"kept")

    with pytest.raises(ValueError, match="key"):
        store.put(key, b"")
    with pytest.raises(ValueError, match="key"):
        store.put_if_absent(key, b"")

    assert list(store.keys("")) == [there]


@pytest.mark.parametrize("prefix", ["../", "/etc/", "a/../../", "a"])
def test_a_prefix_outside_the_store_is_refused(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        list(store.keys(prefix))


@pytest.mark.parametrize("name", ["a b", "caffè.mp4", "🎬", "100%d", "a:b", "-x", "a\nb", "..."])
def test_any_plain_name_is_a_key(store: ObjectStore, name: str) -> None:
    key = f"uploads/v/{name}"
    store.put(key, b"film")

    assert store.get(key) == b"film"
    assert list(store.keys("uploads/")) == [key]


def check_winners(store: ObjectStore, winners: dict[int, list[int]]) -> None:
    assert sorted(number for won in winners.values() for number in won) == list(range(ROUNDS))
    for me, won in winners.items():
        for number in won:
            assert store.get(key_of(number)) == bytes([me])


def test_of_racing_threads_exactly_one_creates_the_object(store: ObjectStore) -> None:
    start = threading.Barrier(RACERS)
    with ThreadPoolExecutor(RACERS) as pool:
        won = pool.map(lambda me: race(store, start, bytes([me])), range(RACERS))

    check_winners(store, dict(enumerate(won)))


def test_of_racing_processes_exactly_one_creates_the_object(place: Connections) -> None:
    check_winners(open_store(place), race_of_processes(place))


def test_racers_with_equal_bytes_are_told_apart(store: ObjectStore) -> None:
    start = threading.Barrier(RACERS)
    with ThreadPoolExecutor(RACERS) as pool:
        won = pool.map(lambda _: race(store, start, b"equal"), range(RACERS))

    assert sorted(number for rounds in won for number in rounds) == list(range(ROUNDS))


def test_a_reader_never_sees_half_an_object(store: ObjectStore) -> None:
    sizes = [300_000, 700_000]
    store.put("a", bytes(sizes[0]))
    done = threading.Event()

    def write() -> None:
        for turn in range(20):
            store.put("a", bytes(sizes[turn % 2]))
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not done.is_set() and not writer.done():
            assert len(store.get("a")) in sizes
            assert list(store.keys("")) == ["a"]
        writer.result()


def test_objects_are_put_while_their_neighbours_are_deleted(store: ObjectStore) -> None:
    """A delete removes folders that are empty; a put makes them again."""

    def put_and_delete(me: int) -> None:
        for _ in range(50):
            store.put(f"results/v/{me}", b"")
            store.delete(f"results/v/{me}")

    with ThreadPoolExecutor(RACERS) as pool:
        list(pool.map(put_and_delete, range(RACERS)))

    assert list(store.keys("")) == []


# Ranges and sizes


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (0, 4), (3, 7), (9, 10), (4, 4), (0, 0), (8, 99), (10, 20)]
)
def test_a_range_is_read_as_it_lies_in_the_object(store: ObjectStore, start: int, end: int) -> None:
    store.put("a", b"0123456789")

    assert b"".join(store.read_range("a", start, end)) == b"0123456789"[start:end]


def test_a_long_range_comes_in_pieces(store: ObjectStore) -> None:
    data = os.urandom(5_000_000)
    store.put("a", data)

    pieces = list(store.read_range("a", 1, 4_900_000))

    assert b"".join(pieces) == data[1:4_900_000]
    assert max(map(len, pieces)) <= 2**20


def test_an_objects_size_is_told(store: ObjectStore) -> None:
    store.put("a/b", b"12345")
    store.put("empty", b"")

    assert store.size("a/b") == 5
    assert store.size("empty") == 0


def test_what_is_missing_has_neither_size_nor_range(store: ObjectStore) -> None:
    store.put("a/b", b"12345")
    for missing in ("b", "a"):
        with pytest.raises(ObjectMissing, match=missing):
            store.size(missing)
        with pytest.raises(ObjectMissing, match=missing):
            list(store.read_range(missing, 0, 1))


# Parts

FILM = "uploads/v/film, 100 %.mp4"


@pytest.fixture(scope="module")
def pieces() -> list[bytes]:
    """What an object of three parts is made of."""
    return [os.urandom(PART_BYTES), os.urandom(PART_BYTES), b"the end"]


def test_an_object_written_in_parts_in_any_order_is_whole(
    store: ObjectStore, pieces: list[bytes]
) -> None:
    parts_id = store.begin_parts(FILM)
    parts = {number: store.put_part(FILM, parts_id, number, pieces[number - 1]) for number in (3, 1)}
    parts[2] = store.put_part(FILM, parts_id, 2, memoryview(bytearray(pieces[1])))

    store.complete_parts(FILM, parts_id, [parts[1], parts[2], parts[3]])

    assert store.get(FILM) == b"".join(pieces)
    assert [parts[number].sha256 for number in (1, 2, 3)] == [
        hashlib.sha256(piece).hexdigest() for piece in pieces
    ]
    assert list(store.keys("")) == [FILM]
    assert list(store.unfinished_parts()) == []


def test_parts_are_no_object_before_they_are_complete(store: ObjectStore) -> None:
    parts_id = store.begin_parts(FILM)
    store.put_part(FILM, parts_id, 1, b"half")

    assert list(store.keys("")) == []
    assert store.find(FILM) is None
    [unfinished] = store.unfinished_parts()
    assert (unfinished.key, unfinished.parts_id) == (FILM, parts_id)
    assert abs(unfinished.modified - time.time()) < 3600


def test_parts_replace_what_was_there_only_when_they_are_complete(store: ObjectStore) -> None:
    store.put(FILM, b"first")
    parts_id = store.begin_parts(FILM)
    part = store.put_part(FILM, parts_id, 1, b"second")
    assert store.get(FILM) == b"first"

    store.complete_parts(FILM, parts_id, [part])

    assert store.get(FILM) == b"second"


def test_a_part_that_is_put_again_counts_once(store: ObjectStore, pieces: list[bytes]) -> None:
    parts_id = store.begin_parts(FILM)
    store.put_part(FILM, parts_id, 1, b"what a killed writer had put")
    store.put_part(FILM, parts_id, 2, b"and more of it, which is longer")
    parts = [store.put_part(FILM, parts_id, 1, pieces[0]), store.put_part(FILM, parts_id, 2, b"end")]

    store.complete_parts(FILM, parts_id, parts)

    assert store.get(FILM) == pieces[0] + b"end"


def test_parts_beyond_the_named_ones_are_left_out(store: ObjectStore, pieces: list[bytes]) -> None:
    parts_id = store.begin_parts(FILM)
    part = store.put_part(FILM, parts_id, 1, pieces[0])
    store.put_part(FILM, parts_id, 2, b"of somebody who was too late")

    store.complete_parts(FILM, parts_id, [part])

    assert store.size(FILM) == PART_BYTES


def test_parts_are_put_by_other_processes_and_threads(place: Connections, pieces: list[bytes]) -> None:
    parts_id = open_store(place).begin_parts(FILM)
    stores = [open_store(place) for _ in pieces]

    def put(number: int) -> Part:
        return stores[number - 1].put_part(FILM, parts_id, number, pieces[number - 1])

    with ThreadPoolExecutor(len(pieces)) as pool:
        parts = list(pool.map(put, range(1, len(pieces) + 1)))
    open_store(place).complete_parts(FILM, parts_id, parts)

    assert open_store(place).get(FILM) == b"".join(pieces)


def test_to_complete_parts_again_changes_nothing(store: ObjectStore) -> None:
    parts_id = store.begin_parts(FILM)
    part = store.put_part(FILM, parts_id, 1, b"film")

    store.complete_parts(FILM, parts_id, [part])
    store.complete_parts(FILM, parts_id, [part])

    assert store.get(FILM) == b"film"


def test_aborted_parts_are_gone_and_aborting_again_does_nothing(store: ObjectStore) -> None:
    parts_id = store.begin_parts(FILM)
    part = store.put_part(FILM, parts_id, 1, b"film")

    store.abort_parts(FILM, parts_id)
    store.abort_parts(FILM, parts_id)

    assert list(store.unfinished_parts()) == []
    with pytest.raises(PartsGone):
        store.put_part(FILM, parts_id, 2, b"more")
    with pytest.raises(PartsGone):
        store.complete_parts(FILM, parts_id, [part])
    assert list(store.keys("")) == []


def test_parts_that_were_never_put_make_no_object(store: ObjectStore, pieces: list[bytes]) -> None:
    parts_id = store.begin_parts(FILM)
    part = store.put_part(FILM, parts_id, 1, pieces[0])

    with pytest.raises(PartsGone):
        store.complete_parts(FILM, parts_id, [part, Part(2, 5, "", part.tag)])

    assert list(store.keys("")) == []


@pytest.mark.parametrize("parts_id", ["", "../../x", "never-begun"])
def test_parts_that_were_never_begun_are_gone(store: ObjectStore, parts_id: str) -> None:
    with pytest.raises(PartsGone):
        store.put_part(FILM, parts_id, 1, b"film")


@pytest.mark.parametrize(("number", "size"), [(0, 1), (-1, 1), (10_001, 1), (1, 0), (1, PART_BYTES + 1)])
def test_what_is_no_part_is_refused(store: ObjectStore, number: int, size: int) -> None:
    parts_id = store.begin_parts(FILM)

    with pytest.raises(ValueError, match="expected 1 to"):
        store.put_part(FILM, parts_id, number, bytes(size))


def test_unfinished_parts_of_one_key_are_told_apart(store: ObjectStore) -> None:
    begun = {store.begin_parts(FILM) for _ in range(3)} | {store.begin_parts("uploads/w/film.mp4")}

    assert {unfinished.parts_id for unfinished in store.unfinished_parts()} == begun


@given(data=st.binary(max_size=2000))
def test_any_bytes_can_be_stored(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = FolderStore(tmp_path_factory.getbasetemp() / "any-bytes")

    store.put("a", data)

    assert store.get("a") == data


# What is special about a folder.


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def test_a_full_disk_stops_work_and_leaves_nothing_behind(disk: Path) -> None:
    store = FolderStore(disk)
    store.put("a", bytes(500_000))

    with pytest.raises(DependencyDown, match="No space left"):
        store.put("b", bytes(900_000))
    with pytest.raises(DependencyDown, match="No space left"):
        store.put_if_absent("c", bytes(900_000))

    assert [path.name for path in disk.rglob("*")] == ["a"]
    assert store.get("a") == bytes(500_000)


def test_a_probe_tells_that_a_disk_is_full_for_an_artefact_though_some_bytes_would_fit(
    disk: Path, tmp_path: Path
) -> None:
    with pytest.raises(DependencyDown, match="No space left"):
        probe(FolderStore(disk), "test")
    probe(FolderStore(tmp_path / "roomy"), "test")

    assert not list(disk.rglob("*probe*/*"))
    assert not list(FolderStore(tmp_path / "roomy").keys(""))


def test_a_write_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a", b"kept")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))  # Python ignores SIGXFSZ
    try:
        with pytest.raises(DependencyDown, match="File too large"):
            store.put("a", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert store.get("a") == b"kept"


def test_a_folder_behind_a_link_to_nowhere_is_a_store_that_is_down(tmp_path: Path) -> None:
    """As a link to a disk that is away."""
    (tmp_path / "disk").symlink_to(tmp_path / "away")
    (tmp_path / "file").touch()
    store = FolderStore(tmp_path / "disk" / "store")
    writes: list[Callable[[], object]] = [
        lambda: store.put("a/key", b""),
        lambda: store.put_if_absent("a/key", b""),
        lambda: store.put_file("a/key", tmp_path / "file"),
        lambda: store.begin_parts("a/key"),
    ]
    for write in writes:
        with pytest.raises(DependencyDown, match="disk leads to no folder"):
            write()


def test_a_link_to_nowhere_among_objects_is_in_the_way_of_what_would_lie_below(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "away")
    for key in ("a/key", "a/longer/key"):
        with pytest.raises(ValueError, match="another object is where its folder should be"):
            FolderStore(tmp_path).put(key, b"")


def test_what_a_killed_writer_left_is_no_object(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("media/a", b"")
    Path(tmp_path, "media", ".writing-0123").write_bytes(b"half")

    assert list(store.keys("")) == ["media/a"]


def test_a_look_up_renews_an_artefacts_age(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("media/a", b"")
    os.utime(tmp_path / "media" / "a", (0, 0))

    store.find("media/a")

    assert (tmp_path / "media" / "a").stat().st_mtime > 1e9


@pytest.mark.parametrize("url", ["", "folder", "http://bucket", "file:relative"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected file:///folder"):
        open_store(connections(url))


def test_a_folders_url_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "my films, 100 %"
    open_store(connections(folder.as_uri())).put("a", b"")

    assert (folder / "a").exists()


# What names a bucket.


def s3(**more: object) -> Connections:
    return Connections.only(
        **{
            "kafka_brokers": "unused:1",
            "store_url": "s3://films",
            "store_endpoint": "http://127.0.0.1:1",
            "store_access_key": "me",
            "store_secret_key": "a-secret",
            **more,
        }
    )


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///a", "s3://Films", "s3://me:a-secret@films", "s3://films/../a", "s3://films/?a"],
)
def test_a_url_that_names_no_bucket_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected s3://bucket"):
        open_store(s3(store_url=url))


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "127.0.0.1:9000",
        "ftp://host",
        "http://",
        "http://host:x",
        "http://host/a",
        "http://a:a-secret@b",
    ],
)
def test_an_endpoint_that_is_no_servers_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"REELAY_STORE_ENDPOINT: expected http\(s\)://host") as raised:
        open_store(s3(store_endpoint=endpoint))
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["store_access_key", "store_secret_key"])
def test_a_bucket_takes_keys(key: str) -> None:
    with pytest.raises(
        ValueError, match="REELAY_STORE_ACCESS_KEY or REELAY_STORE_SECRET_KEY is not set"
    ):
        open_store(s3(**{key: ""}))


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", Path(__file__)):
        with pytest.raises(ValueError, match=r"REELAY_TLS_CA=.*expected a PEM file"):
            open_store(s3(tls_ca=str(path)))


def test_a_folder_needs_no_s3_client() -> None:
    code = "import sys, connectors.objectstore; sys.exit('minio' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
