"""The contract that every object store keeps; each implementation is a parameter of `store`."""

import hashlib
import multiprocessing
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import DependencyDown
from connectors.objectstore import FolderStore, ObjectMissing, ObjectStore, open_store, ref_to
from connectors.objectstore.contract import probe, put_once
from connectors.settings import Connections

RACERS = 4
BAD_KEYS = ["", "/", "/etc/passwd", "..", "a/../b", "../a", "a//b", "a/", "./a", "a/./b", "a\0b"]


def connections(store_url: str) -> Connections:
    return Connections.only(kafka_brokers="unused:1", store_url=store_url)


@pytest.fixture(params=["folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return FolderStore(tmp_path / "store")


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


def create(store: ObjectStore, start: threading.Barrier, me: bytes) -> bool:
    start.wait(timeout=30)
    return store.put_if_absent("outcome.json", me)


def create_in_a_process(
    folder: Path, start: threading.Barrier, me: int, won: "multiprocessing.Queue[int]"
) -> None:
    if create(FolderStore(folder), start, bytes([me])):
        won.put(me)


def test_of_racing_threads_exactly_one_creates_the_object(store: ObjectStore) -> None:
    for _ in range(50):
        start = threading.Barrier(RACERS)
        with ThreadPoolExecutor(RACERS) as pool:
            won = list(pool.map(lambda me: create(store, start, bytes([me])), range(RACERS)))  # noqa: B023
        assert won.count(True) == 1
        assert store.get("outcome.json") == bytes([won.index(True)])
        store.delete("outcome.json")


def test_of_racing_processes_exactly_one_creates_the_object(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, won = context.Barrier(RACERS), context.Queue()
    racers = [
        context.Process(target=create_in_a_process, args=(tmp_path, start, me, won))
        for me in range(RACERS)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=60)

    assert [racer.exitcode for racer in racers] == [0] * RACERS
    assert FolderStore(tmp_path).get("outcome.json") == bytes([won.get(timeout=5)])
    assert won.empty()


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


@given(data=st.binary(max_size=2000))
def test_any_bytes_can_be_stored(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store = FolderStore(tmp_path_factory.getbasetemp() / "any-bytes")

    store.put("a", data)

    assert store.get("a") == data


# What is special about a folder.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "reelay-test", str(disk)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("making a small disk takes root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_work_and_leaves_nothing_behind(small_disk: Path) -> None:
    store = FolderStore(small_disk)
    store.put("a", bytes(500_000))

    with pytest.raises(DependencyDown, match="No space left"):
        store.put("b", bytes(900_000))
    with pytest.raises(DependencyDown, match="No space left"):
        store.put_if_absent("c", bytes(900_000))

    assert [path.name for path in small_disk.rglob("*")] == ["a"]
    assert store.get("a") == bytes(500_000)


def test_a_probe_tells_that_a_disk_is_full_for_an_artefact_though_some_bytes_would_fit(
    small_disk: Path, tmp_path: Path
) -> None:
    with pytest.raises(DependencyDown, match="No space left"):
        probe(FolderStore(small_disk), "test")
    probe(FolderStore(tmp_path / "roomy"), "test")

    assert not list(small_disk.rglob("*probe*/*"))
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


@pytest.mark.parametrize("url", ["", "folder", "s3://bucket", "file:relative"])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected file:///folder"):
        open_store(connections(url))


def test_a_folders_url_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "my films, 100 %"
    open_store(connections(folder.as_uri())).put("a", b"")

    assert (folder / "a").exists()
