"""What is special about a store on an S3 server: the network between, and the copies on this disk."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from minio import Minio

from connectors.errors import DependencyDown
from connectors.objectstore import ObjectStore, ObjectTooLarge, open_store, ref_to
from connectors.objectstore import requests as s3_requests
from connectors.objectstore.contract import probe
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from tests.disks import small_disk
from tests.integration.objectstore.servers import Wire, server_without_conditions, store_alone

BIG_BYTES = 200_000_000
MIDDLE_BYTES = 40_000_000
DAY_S = 24 * 3600.0

Reach = Callable[..., Connections]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Cluster]:
    """A store that may be killed."""
    with store_alone(tmp_path_factory.mktemp("alone")) as alone:
        yield alone


@pytest.fixture
def reach(server: Cluster, tmp_path: Path) -> Reach:
    """How the store is reached; takes other settings. It is empty, and scratch copies are in a folder of
    the test's own."""
    where: dict[str, object] = {
        "store_url": f"s3://reelay/{uuid4()}",
        "scratch_folder": str(tmp_path / "scratch"),
    }
    return lambda **more: server.connections(**where | more)


@pytest.fixture
def store(reach: Reach) -> ObjectStore:
    return open_store(reach())


@pytest.fixture
def middle_file(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(os.urandom(MIDDLE_BYTES))
    return path


def file_of(server: Cluster, place: Connections, key: str) -> Path:
    """Where the server keeps an object."""
    return server.folder / "store" / place.store_url.removeprefix("s3://") / key


# Conditions


def test_who_created_an_object_but_lost_the_answer_is_told_so(server: Cluster, reach: Reach) -> None:
    with Wire(server.connections().store_endpoint) as wire:
        store = open_store(reach(store_endpoint=wire.endpoint))
        store.put_if_absent("before", b"")
        wire.lost_answers = 1
        assert store.put_if_absent("outcome.json", b"mine")
        assert wire.cuts == 1

        wire.lost_answers = 1
        assert not store.put_if_absent("outcome.json", b"mine")
    assert open_store(reach()).get("outcome.json") == b"mine"


def test_a_server_that_ignores_conditions_is_refused(reach: Reach) -> None:
    with server_without_conditions() as endpoint:
        store = open_store(reach(store_endpoint=endpoint))
        with pytest.raises(DependencyDown, match="ignores `If-None-Match"):
            store.put_if_absent("outcome.json", b"")
        with pytest.raises(DependencyDown, match="ignores `If-None-Match"):
            probe(store, "test")


# Breaks


def test_a_copy_goes_on_where_the_connection_was_cut(
    server: Cluster, reach: Reach, middle_file: Path
) -> None:
    open_store(reach()).put_file("uploads/v/talk.mp4", middle_file)
    with Wire(server.connections().store_endpoint) as wire:
        wire.cut_after = MIDDLE_BYTES // 2
        store = open_store(reach(store_endpoint=wire.endpoint))
        with store.local_file("uploads/v/talk.mp4") as copy:
            assert copy.read_bytes() == middle_file.read_bytes()
        assert wire.cuts == 1
        wire.cut_after = MIDDLE_BYTES // 2
        assert store.get("uploads/v/talk.mp4") == middle_file.read_bytes()
        assert wire.cuts == 2


def test_a_part_is_sent_again_when_the_connection_was_cut(
    server: Cluster, reach: Reach, middle_file: Path
) -> None:
    with Wire(server.connections().store_endpoint) as wire:
        wire.cut_after_sent = MIDDLE_BYTES // 2
        store = open_store(reach(store_endpoint=wire.endpoint))
        ref = store.put_file("uploads/v/talk.mp4", middle_file)
        assert wire.cuts == 1
    assert ref == ref_to("uploads/v/talk.mp4", middle_file.read_bytes())
    assert open_store(reach()).get("uploads/v/talk.mp4") == middle_file.read_bytes()


def test_an_upload_that_breaks_off_leaves_no_half_object(
    server: Cluster, reach: Reach, middle_file: Path
) -> None:
    put = f"""
import pathlib, sys
from connectors.objectstore import open_store
from connectors.settings import Connections
open_store(Connections()).put_file("uploads/v/talk.mp4", pathlib.Path({str(middle_file)!r}))
"""
    with Wire(server.connections().store_endpoint) as wire:
        place = reach(store_endpoint=wire.endpoint)
        wire.cut_after_sent, wire.stays_cut = MIDDLE_BYTES // 2, True
        writer = subprocess.Popen([sys.executable, "-c", put], env=os.environ | place.environment())
        until(lambda: wire.cuts == 1)
        writer.kill()
        writer.wait()
    store = open_store(reach())
    assert list(store.keys("")) == []
    assert store.find("uploads/v/talk.mp4") is None


def test_a_restart_of_the_server_is_ridden_out(
    server: Cluster, store: ObjectStore, middle_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server may take longer to start on a busy machine than the store tries.
    monkeypatch.setattr(s3_requests, "_DELAYS_S", (0.2,) * 300)
    monkeypatch.setattr(s3_requests, "_LAST_TRY_S", 60.0)
    store.put_file("uploads/v/talk.mp4", middle_file)
    server.store.kill()
    starting = threading.Thread(target=server.store.start)
    starting.start()
    try:
        assert store.get("uploads/v/talk.mp4") == middle_file.read_bytes()
        assert store.put_if_absent("a", b"")
    finally:
        starting.join(timeout=60)


def test_a_server_that_is_down_is_named_and_works_again_later(
    server: Cluster, reach: Reach, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_requests, "_DELAYS_S", (0.1, 0.1))
    store.put("a", b"kept")
    server.store.kill()
    try:
        for attempt in (
            lambda: store.get("a"),
            lambda: store.put_if_absent("b", b""),
            lambda: list(store.keys("")),
        ):
            with pytest.raises(DependencyDown, match=f"{reach().store_endpoint} cannot be reached"):
                attempt()
    finally:
        server.store.start()
    assert store.get("a") == b"kept"


def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    server: Cluster, reach: Reach, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_requests, "READ_S", 0.3)
    monkeypatch.setattr(s3_requests, "_DELAYS_S", (0.1, 0.1))
    process = psutil.Process(server.store.pid)
    process.suspend()
    until(lambda: process.status() == psutil.STATUS_STOPPED)
    try:
        with pytest.raises(DependencyDown, match="did not answer"):
            store.get("a")
    finally:
        process.resume()


def test_a_forked_process_has_connections_of_its_own(reach: Reach, store: ObjectStore) -> None:
    store.put("a", b"kept")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.put("b", store.get("a"))
            status = 0
        finally:
            os._exit(status)
    assert store.get("a") == b"kept"
    assert os.waitpid(child, 0)[1] == 0
    assert store.get("b") == b"kept"


# Settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"store_secret_key": "wrong-secret"}, "credentials are refused.*REELAY_STORE_SECRET_KEY"),
        ({"store_access_key": "nobody"}, "credentials are refused.*REELAY_STORE_ACCESS_KEY"),
        ({"store_url": "s3://no-such-bucket"}, "bucket 'no-such-bucket' does not exist.*create it"),
        ({"store_region": "eu-west-1"}, "REELAY_STORE_REGION"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_in_one_line(
    reach: Reach, wrong: dict[str, str], said: str
) -> None:
    place = reach(**wrong)
    store = open_store(place)
    for attempt in (
        lambda: probe(store, "test"),
        lambda: store.find("a"),
        lambda: store.get("a"),
        lambda: store.put_if_absent("a", b""),
        lambda: list(store.keys("")),
    ):
        with pytest.raises(DependencyDown, match=said) as raised:
            attempt()
        assert "\n" not in str(raised.value)
        assert place.store_secret_key.get_secret_value() not in str(raised.value)
    assert place.store_secret_key.get_secret_value() not in repr(vars(store))


def test_a_server_of_another_kind_is_told_apart(reach: Reach, cluster: Cluster) -> None:
    store = open_store(reach(store_endpoint=cluster.connections().registry_url.split("/apis")[0]))
    with pytest.raises(DependencyDown, match="like an S3 server: check REELAY_STORE_ENDPOINT"):
        store.put("a", b"")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Cluster]:
    with store_alone(tmp_path_factory.mktemp("secure"), secure=True) as alone:
        yield alone


def test_a_certificate_of_a_named_authority_is_accepted(secure: Cluster, tmp_path: Path) -> None:
    store = open_store(secure.connections())
    film = tmp_path / "film.mp4"
    film.write_bytes(os.urandom(10_000_000))

    probe(store, "test")
    assert store.put_file("film.mp4", film) == ref_to("film.mp4", film.read_bytes())
    assert store.get("film.mp4") == film.read_bytes()
    assert not store.put_if_absent("film.mp4", b"")


def test_a_certificate_of_another_authority_is_refused(secure: Cluster) -> None:
    with pytest.raises(DependencyDown, match=r"certificate is refused.*REELAY_TLS_CA"):
        open_store(secure.connections(tls_ca="")).get("a")


def test_an_expired_certificate_is_refused(secure: Cluster) -> None:
    secure.certify(expired=True)
    secure.store.stop()
    secure.store.start()
    try:
        with pytest.raises(DependencyDown, match="certificate has expired: renew it"):
            open_store(secure.connections()).get("a")
    finally:
        secure.certify()
        secure.store.stop()
        secure.store.start()


# Ages and others' objects


def test_a_look_up_renews_an_artefacts_age_once_a_day(
    server: Cluster, reach: Reach, store: ObjectStore
) -> None:
    place = reach()
    store.put("media/a", b"words")
    store.put("media/b", b"")
    long_ago = time.time() - 10 * DAY_S
    for key in ("media/a", "media/b"):
        os.utime(file_of(server, place, key), (long_ago, long_ago))

    assert store.find("media/a") == ref_to("media/a", b"words")

    ages = {entry.key: time.time() - entry.modified for entry in store.entries("media/")}
    assert ages["media/a"] < DAY_S < 9 * DAY_S < ages["media/b"]
    assert list(store.keys("")) == ["media/a", "media/b"]
    mark = file_of(server, place, ".seen/media/a")
    hours_ago = time.time() - DAY_S / 2
    os.utime(mark, (hours_ago, hours_ago))
    store.find("media/a")
    assert mark.stat().st_mtime == pytest.approx(hours_ago)
    store.delete("media/a")
    assert not mark.exists()


def test_an_object_that_others_put_is_found_with_its_digest(reach: Reach, store: ObjectStore) -> None:
    place = reach()
    client = Minio(
        place.store_endpoint.removeprefix("http://"),
        place.store_access_key,
        place.store_secret_key.get_secret_value(),
        secure=False,
        region=place.store_region,
    )
    prefix = place.store_url.removeprefix("s3://reelay/")
    client.put_object("reelay", f"{prefix}/uploads/v/film.mp4", io.BytesIO(b"film"), 4)
    client.put_object("reelay", f"{prefix}/uploads/empty/", io.BytesIO(b""), 0)

    assert store.find("uploads/v/film.mp4") == ref_to("uploads/v/film.mp4", b"film")
    assert list(store.keys("uploads/")) == ["uploads/v/film.mp4"]


# Copies on this machine's disk


def test_a_copy_goes_when_it_is_no_longer_needed_also_after_an_error(
    store: ObjectStore, tmp_path: Path
) -> None:
    store.put("uploads/v/talk.mp4", b"film")

    def fail() -> None:
        with store.local_file("uploads/v/talk.mp4") as path:
            assert path.suffix == ".mp4"
            assert path.parent == tmp_path / "scratch"
            raise RuntimeError("ffmpeg failed")

    with pytest.raises(RuntimeError, match="ffmpeg failed"):
        fail()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_name_that_is_odd_gives_a_plain_copy(store: ObjectStore) -> None:
    store.put("uploads/v/talk.a b\n$(c)", b"film")

    with store.local_file("uploads/v/talk.a b\n$(c)") as path:
        assert path.read_bytes() == b"film"
        assert path.suffix == ""


def test_what_is_too_large_is_not_copied(reach: Reach, tmp_path: Path) -> None:
    store = open_store(reach(scratch_bytes=1000))
    store.put("fits", bytes(1000))
    store.put("large", bytes(1001))

    with store.local_file("fits") as path:
        assert path.stat().st_size == 1000
    with pytest.raises(ObjectTooLarge, match="1,001 bytes"), store.local_file("large"):
        pass
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_copy_that_the_disk_has_no_room_for_is_not_begun(reach: Reach, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = open_store(reach(scratch_folder=str(disk)))
        store.put("large", bytes(2_000_000))
        store.put("small", b"1")

        with (
            pytest.raises(DependencyDown, match=r"scratch disk.*No space.*REELAY_SCRATCH_FOLDER"),
            store.local_file("large"),
        ):
            pass
        with store.local_file("small") as path:
            assert path.read_bytes() == b"1"
        assert list(disk.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(
    reach: Reach, store: ObjectStore, tmp_path: Path
) -> None:
    store.put("a.mp4", b"film")
    hold = """
import time
from connectors.objectstore import open_store
from connectors.settings import Connections
with open_store(Connections()).local_file("a.mp4"):
    time.sleep(600)
"""
    place = reach()
    holder = subprocess.Popen([sys.executable, "-c", hold], env=os.environ | place.environment())
    scratch = tmp_path / "scratch"
    try:
        until(lambda: any(path.read_bytes() == b"film" for path in scratch.glob("*")))
    finally:
        open_store(place)
        still_there = len(list(scratch.iterdir()))
        holder.kill()
        holder.wait()
    assert still_there == 1
    open_store(place)
    assert list(scratch.iterdir()) == []


# Size


def test_large_files_go_and_come_in_little_memory(reach: Reach, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.write(os.urandom(1000))
        file.truncate(BIG_BYTES)
    carry = f"""
import filecmp, pathlib, resource
from connectors.objectstore import open_store
from connectors.settings import Connections
store = open_store(Connections())
store.put("a", b"")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.put_file("film.mp4", pathlib.Path({str(film)!r}))
sent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with store.local_file("film.mp4") as copy:
    assert filecmp.cmp(copy, {str(film)!r}, shallow=False)
fetched = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sent - before, fetched - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", carry],
        env=os.environ | reach().environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    more_kib = [int(number) for number in done.stdout.split()]
    assert max(more_kib) * 1024 < BIG_BYTES / 2.5


def until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
