"""What is stored, in both databases: whole batches, once, in whatever order."""

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from connectors.database import Catalogue, Fact, Move, State, Superseded, open_catalogue
from connectors.database.postgres import Postgres, connection_options
from connectors.database.sqlite import Sqlite
from connectors.database.tables import VERSION
from connectors.errors import DependencyDown
from connectors.settings import Connections
from ops.cluster.errors import ToolMissing
from ops.cluster.postgres import PostgresServer
from tests.integration.database.catalogues import AT, HOUR, add, detail, opened, said, spoken
from tests.processors import until

CLUSTER = "cluster-1"
TOPIC = "reelay.video.uploaded"


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    catalogue = opened(database_url)
    yield catalogue
    catalogue.close()


def begin(catalogue: Catalogue, cluster: str = CLUSTER, *videos: str) -> None:
    with catalogue.batch() as batch:
        batch.begin(cluster, videos)


def advance(catalogue: Catalogue, *moves: Move, cluster: str = CLUSTER) -> None:
    with catalogue.batch() as batch:
        batch.advance(cluster, moves)


def fact(video_id: str = "v", kind: str = "k", **rest: object) -> Fact:
    return replace(Fact(video_id=video_id, revision=1, kind=kind, made_ms=5, body="m"), **rest)  # type: ignore[arg-type]


def test_offsets_are_those_of_one_cluster(catalogue: Catalogue) -> None:
    assert catalogue.offsets(CLUSTER) is None
    begin(catalogue)
    assert catalogue.offsets(CLUSTER) == {}
    advance(catalogue, Move((TOPIC, 0), None, 3), Move((TOPIC, 1), None, 8))
    advance(catalogue, Move((TOPIC, 0), 3, 4))
    assert catalogue.offsets(CLUSTER) == {(TOPIC, 0): 4, (TOPIC, 1): 8}
    assert catalogue.offsets("another") is None


def test_a_batch_that_does_not_continue_changes_nothing(catalogue: Catalogue) -> None:
    begin(catalogue)
    advance(catalogue, Move((TOPIC, 0), None, 10))

    def apply(move: Move) -> None:
        with catalogue.batch() as batch:
            batch.hold(["v"])
            batch.show(detail("v"))
            batch.advance(CLUSTER, [move])

    for move in (Move((TOPIC, 0), None, 12), Move((TOPIC, 0), 9, 12), Move((TOPIC, 1), 3, 12)):
        with pytest.raises(Superseded):
            apply(move)
    with pytest.raises(Superseded):
        advance(catalogue, Move((TOPIC, 0), 10, 12), cluster="another")
    assert catalogue.offsets(CLUSTER) == {(TOPIC, 0): 10}
    assert catalogue.video("v") is None


def test_of_two_who_go_on_from_one_place_one_is_superseded(catalogue: Catalogue) -> None:
    begin(catalogue)
    advance(catalogue, Move((TOPIC, 0), None, 10))
    superseded = []

    def apply(video_id: str) -> None:
        try:
            with catalogue.batch() as batch:
                batch.advance(CLUSTER, [Move((TOPIC, 0), 10, 11)])
                batch.hold([video_id])
                batch.show(detail(video_id))
        except Superseded:
            superseded.append(video_id)

    threads = [threading.Thread(target=apply, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(superseded) == 3
    (row,) = catalogue.videos().items
    assert row.video_id not in superseded


def test_an_error_leaves_everything_as_it_was(catalogue: Catalogue) -> None:
    begin(catalogue)
    add(catalogue, "kept", "old words")

    def fail() -> None:
        with catalogue.batch() as batch:
            batch.advance(CLUSTER, [Move((TOPIC, 0), None, 1)])
            batch.hold(["kept", "new"])
            batch.put([fact("kept")])
            batch.delete("kept")
            batch.show(detail("new"))
            batch.index("new", 1, spoken("new words"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert catalogue.offsets(CLUSTER) == {}
    assert [hit.video_id for hit in catalogue.search("words").items] == ["kept"]


def test_the_least_fact_is_kept_in_whatever_order_they_come(catalogue: Catalogue) -> None:
    least = fact(made_ms=5, body="b")
    others = [fact(made_ms=6, body="a"), fact(made_ms=5, body="ä"), fact(rank=1, made_ms=0, body="a")]
    for facts in ([least, *others], [*others, least], [*others[::-1], least, *others]):
        with catalogue.batch() as batch:
            batch.delete("v")
            for one in facts:
                batch.put([one])
            assert list(batch.facts("v")) == [least]


def test_segments_are_counted_and_their_times_are_told_until_they_are_dropped(
    catalogue: Catalogue,
) -> None:
    times = (
        '[{"stage": "transcriber", "index": 0, "queued_at": "2026-01-01T00:00:00Z", "began_at":'
        ' "2026-01-01T00:00:01Z", "ended_at": "2026-01-01T00:00:02Z", "attempt": 1, "host": "h"}]'
    )
    with catalogue.batch() as batch:
        batch.put([fact(kind="segment", number=n, body=times if n == 0 else "[]") for n in range(3)])
        batch.put([fact()])
        batch.show(detail("v", state=State.WORKING))
        assert [one.kind for one in batch.facts("v")] == ["k"]
    found = catalogue.video("v")
    assert found is not None
    assert (found.row.segments_done, [time.stage for time in found.stages]) == (3, ["transcriber"])
    assert catalogue.videos().items == (found.row,)
    with catalogue.batch() as batch:
        batch.drop_segments("v", 1)
    assert [row.segments_done for row in catalogue.videos().items] == [0]


def test_videos_are_listed_newest_first_by_state_and_in_pages(catalogue: Catalogue) -> None:
    for n in range(9):
        state = State.FAILED if n % 3 == 0 else State.COMPLETED
        with catalogue.batch() as batch:
            batch.show(detail(f"v{n}", AT + (n // 2) * HOUR, state))
    assert catalogue.videos().total == 9
    assert [row.video_id for row in catalogue.videos().items] == [f"v{n}" for n in range(8, -1, -1)]
    assert [row.video_id for row in catalogue.videos(state=State.FAILED).items] == ["v6", "v3", "v0"]
    found, after = [], None
    while True:
        page = catalogue.videos(state=State.COMPLETED, limit=4, after=after)
        assert page.total == 6
        found += [row.video_id for row in page.items]
        if (after := page.next) is None:
            break
    assert found == ["v8", "v7", "v5", "v4", "v2", "v1"]


def test_a_video_is_told_as_it_was_shown(catalogue: Catalogue) -> None:
    shown = detail("v")
    with catalogue.batch() as batch:
        batch.show(shown)
    assert catalogue.video("v") == shown
    assert catalogue.video("another") is None


def test_indexing_again_replaces_what_was_found(catalogue: Catalogue) -> None:
    add(catalogue, "v", "old words", "more old words")
    with catalogue.batch() as batch:
        batch.index("v", 2, spoken("new words"))
        assert batch.indexed("v") == 2
    assert said(catalogue.search("words")) == ["new [words]"]
    assert catalogue.search("words").items[0].revision == 2


@pytest.mark.parametrize("later", [AT - 5 * HOUR, AT + 5 * HOUR, datetime.min.replace(year=1969)])
def test_sentences_go_along_when_the_time_of_upload_becomes_known(
    catalogue: Catalogue, later: datetime
) -> None:
    add(catalogue, "v", "some alpha", "beta words", at=AT)
    add(catalogue, "w", "other words", at=AT)
    with catalogue.batch() as batch:
        batch.show(detail("v", later))
    assert said(catalogue.search('"alpha beta"')) == ["some [alpha]"]
    assert {hit.video_id for hit in catalogue.search("words").items} == {"v", "w"}
    since = catalogue.search("words", since=AT, until=AT)
    assert [hit.video_id for hit in since.items] == ["w"]


def test_a_thousand_videos_of_one_second_do_not_get_in_each_others_way(catalogue: Catalogue) -> None:
    with catalogue.batch() as batch:
        for n in range(1000):
            batch.show(detail(f"v{n}"))
            batch.index(f"v{n}", 1, spoken(f"word{n}"))
    assert [hit.video_id for hit in catalogue.search("word777").items] == ["v777"]
    assert len(catalogue.search("word1*", limit=500).items) == 111
    assert not catalogue.search("word1*", until=AT - timedelta(seconds=1)).items


def test_a_deleted_video_is_gone_and_known_to_be_deleted(catalogue: Catalogue) -> None:
    add(catalogue, "v", "some words")
    add(catalogue, "w", "other words")
    with catalogue.batch() as batch:
        assert batch.hold(["v", "w"]) == set()
        batch.put([fact("v")])
        batch.delete("v")
        batch.delete("never-seen")
    assert catalogue.video("v") is None
    assert [hit.video_id for hit in catalogue.search("words").items] == ["w"]
    with catalogue.batch() as batch:
        assert batch.hold(["v", "w", "never-seen"]) == {"v", "never-seen"}
        assert not batch.facts("v")


def test_to_begin_anew_is_to_forget_offsets_and_what_only_the_topics_said(catalogue: Catalogue) -> None:
    begin(catalogue)
    advance(catalogue, Move((TOPIC, 0), None, 10))
    add(catalogue, "decided", "words")
    with catalogue.batch() as batch:
        batch.put([fact("decided", "outcome"), fact("decided", "probed")])
        batch.put([fact("open", "uploaded"), fact("open", "probed")])
        batch.show(detail("gone"))
    with catalogue.batch() as batch:
        batch.forget_offsets("outcome", ["uploaded"])
    assert catalogue.offsets(CLUSTER) is None
    with catalogue.batch() as batch:
        assert [one.kind for one in batch.facts("decided")] == ["outcome", "probed"]
        assert [one.kind for one in batch.facts("open")] == ["uploaded"]
    begin(catalogue, "cluster-2", "decided", "open")
    assert catalogue.offsets("cluster-2") == {}
    assert catalogue.video("gone") is None
    assert len(catalogue.search("words").items) == 1


def test_who_begins_second_changes_nothing(catalogue: Catalogue) -> None:
    begin(catalogue)
    advance(catalogue, Move((TOPIC, 0), None, 10))
    add(catalogue, "v", "words")
    begin(catalogue)
    assert catalogue.offsets(CLUSTER) == {(TOPIC, 0): 10}
    assert catalogue.video("v") is not None


def test_readers_see_whole_batches_and_never_wait(catalogue: Catalogue) -> None:
    add(catalogue, "v", "words")
    with catalogue.batch() as batch:
        batch.hold(["v", "w"])
        batch.delete("v")
        batch.show(detail("w"))
        assert [row.video_id for row in catalogue.videos().items] == ["v"]
        assert len(catalogue.search("words").items) == 1
    assert [row.video_id for row in catalogue.videos().items] == ["w"]


def test_many_threads_read_while_one_writes(catalogue: Catalogue) -> None:
    add(catalogue, "v0", "words")
    problems: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                total = catalogue.videos().total
                assert len(catalogue.search("words", limit=100).items) >= total
        except BaseException as error:
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(12)]
    for reader in readers:
        reader.start()
    for n in range(1, 15):
        add(catalogue, f"v{n}", "words")
    done.set()
    for reader in readers:
        reader.join()
    assert not problems


def test_the_probe_finds_a_database_that_can_be_written(catalogue: Catalogue) -> None:
    catalogue.probe()
    assert catalogue.videos().total == 0


def test_a_file_that_was_deleted_is_made_anew_for_those_who_have_it_open(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    reader, writer = opened(f"sqlite://{file}"), opened(f"sqlite://{file}")
    add(writer, "v", "words")
    assert reader.videos().total == 1
    writer.close()
    for name in os.listdir(tmp_path):
        (tmp_path / name).unlink()
    assert reader.videos().total == 0
    add(writer, "w", "words")
    assert [row.video_id for row in reader.videos().items] == ["w"]


def test_what_is_no_database_is_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"this is no database, however long one looks at it" * 100)
    with pytest.raises(DependencyDown):
        opened(f"sqlite://{tmp_path / 'file'}").videos()
    with pytest.raises(DependencyDown):
        opened(f"sqlite://{tmp_path / 'file' / 'below'}").videos()


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "catalogue.sqlite3")

    def fill() -> None:
        with database.writing() as session:
            session.rows("PRAGMA max_page_count = 100")
            session.many("INSERT INTO about VALUES (?, ?)", ((str(n), "x" * 4000) for n in range(200)))

    with pytest.raises(DependencyDown, match="is full"):
        fill()
    with database.reading() as session:
        assert session.rows("SELECT count(*) FROM about") == [(0,)]
    database.close()


def test_what_was_said_in_a_deleted_video_is_not_left_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite3"
    catalogue = opened(f"sqlite://{file}")
    add(catalogue, "v", "a secret for nobody else")
    catalogue.close()
    assert b"secret for nobody" in file.read_bytes()
    with catalogue.batch() as batch:
        batch.hold(["v"])
        batch.delete("v")
    catalogue.close()
    assert b"secret for nobody" not in file.read_bytes()


def test_a_server_that_is_gone_is_down_until_it_is_back() -> None:
    try:
        server = PostgresServer()
    except ToolMissing as error:
        pytest.skip(str(error))
    with server:
        catalogue = opened(server.url)
        add(catalogue, "v", "words")
        server.kill()
        with pytest.raises(DependencyDown) as down:
            catalogue.videos()
        assert down.value.dependency == "database"
        with pytest.raises(DependencyDown):
            catalogue.probe()
        server.start()
        catalogue.probe()
        assert catalogue.videos().total == 1
        catalogue.close()


def test_a_server_whose_machine_is_gone_is_given_up_within_half_a_minute(postgres_url: str) -> None:
    """By what the kernel was asked for: no test can take a machine away."""
    options = connection_options(postgres_url)
    with psycopg.connect(**options) as other, socket.socket(fileno=os.dup(other.fileno())) as wire:
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, pause, times = (
            wire.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + pause * times <= 30
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
    assert connection_options("postgresql://h/x?keepalives_idle=7")["keepalives_idle"] == "7"


def test_a_server_that_only_reads_is_down_for_those_who_write(postgres_url: str) -> None:
    catalogue = opened(postgres_url)
    add(catalogue, "v", "words")
    catalogue.close()
    standby = opened(f"{postgres_url}%20-cdefault_transaction_read_only%3Don")
    assert said(standby.search("words")) == ["[words]"]
    with pytest.raises(DependencyDown):
        add(standby, "w", "words")
    with pytest.raises(DependencyDown):
        standby.probe()
    assert standby.videos().total == 1
    standby.close()


def test_a_transaction_that_the_server_ended_can_be_tried_again(postgres_url: str) -> None:
    catalogue = opened(f"{postgres_url}%20-cidle_in_transaction_session_timeout%3D1000")

    def is_over() -> bool:
        idle = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'"
        return not other.execute(idle).fetchall()

    def dawdle() -> None:
        with catalogue.batch() as batch:
            batch.show(detail("v"))
            until(is_over, "the end of the transaction")
            batch.show(detail("w"))

    with psycopg.connect(postgres_url, autocommit=True) as other, pytest.raises(DependencyDown):
        dawdle()
    catalogue.close()


def test_tables_that_vanish_are_made_anew_though_their_readers_only_read(postgres_url: str) -> None:
    database = Postgres(postgres_url)
    with database.reading(), database.reading():
        pass  # two connections are kept
    with psycopg.connect(postgres_url) as other:
        other.execute("DROP TABLE videos, about")
    with pytest.raises(DependencyDown), database.reading() as session:
        session.rows("SELECT 1 FROM videos")
    with database.reading() as session:
        assert not session.rows("SELECT 1 FROM videos")
    database.close()


def test_tables_of_another_version_are_made_anew_by_who_writes_and_by_nobody_else(
    postgres_url: str, tmp_path: Path
) -> None:
    """A gateway that was not updated yet, or that was updated first, must not cost the catalogue."""
    import sqlite3  # noqa: PLC0415

    file = tmp_path / "catalogue.sqlite3"
    for url in (f"sqlite://{file}", postgres_url):
        catalogue = opened(url)
        begin(catalogue)
        add(catalogue, "v", "words")
        catalogue.close()

    def set_version(version: int) -> None:
        with sqlite3.connect(file) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        with psycopg.connect(postgres_url) as connection:
            connection.execute("UPDATE about SET value = %s WHERE name = 'version'", (str(version),))

    for version in (VERSION + 1, VERSION - 1):
        set_version(version)
        for url in (f"sqlite://{file}", postgres_url):
            catalogue = opened(url)
            for _ in range(2):
                with pytest.raises(DependencyDown, match="another version"):
                    catalogue.videos()
            catalogue.close()
    set_version(VERSION)
    for url in (f"sqlite://{file}", postgres_url):
        catalogue = opened(url)
        assert len(catalogue.search("words").items) == 1
        catalogue.close()
    set_version(VERSION + 1)
    for url in (f"sqlite://{file}", postgres_url):
        catalogue = opened(url)
        with pytest.raises(DependencyDown):
            catalogue.offsets(CLUSTER)
        catalogue.probe()
        assert catalogue.offsets(CLUSTER) is None
        assert catalogue.videos().total == 0
        catalogue.close()


def test_what_was_said_is_in_no_error(postgres_url: str) -> None:
    catalogue = opened(postgres_url)
    with pytest.raises(ValueError, match="refuses") as refused:
        add(catalogue, "v", "a secret \0 that no database takes")
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__
    assert catalogue.videos().total == 0
    catalogue.close()


def test_what_is_too_long_for_an_index_is_refused_since_waiting_does_not_make_it_shorter(
    postgres_url: str,
) -> None:
    catalogue = opened(postgres_url)
    long = os.urandom(4000).hex()  # nothing that could be compressed
    with pytest.raises(ValueError, match="refuses") as refused, catalogue.batch() as batch:
        batch.put([fact(long)])
    assert long not in str(refused.value)
    assert refused.value.__suppress_context__
    catalogue.close()


def test_a_password_is_in_no_error(tmp_path: Path) -> None:
    connections = Connections.only(
        kafka_brokers="-",
        store_url="file:///-",
        database_url="postgresql://reelay:hunter2@127.0.0.1:1/postgres",
    )
    assert "hunter2" not in repr(connections)
    with pytest.raises(DependencyDown) as down:
        open_catalogue(connections).videos()
    assert "hunter2" not in str(down.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "mysql://x/hunter2",
        "/some/file",
        "postgresql://reelay:p@hunter2@127.0.0.1/x",
        "postgresql://reelay:hunter2/p@127.0.0.1/x",
        "postgresql://reelay:50%hunter2@127.0.0.1/x",
        "postgresql://reelay:[hunter2@127.0.0.1/x",
        "postgresql://127.0.0.1/x?pasword=hunter2",
    ],
)
def test_what_names_no_database_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="REELAY_DATABASE_URL") as refused:
        opened(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///reelay?host=/run/postgresql",
        "postgres://reelay:p%40s%2Fs%25@[::1]:5432,other:5433/reelay?sslmode=verify-full",
        "postgresql://reelay:#hunter?2:@127.0.0.1/x",
    ],
)
def test_whatever_libpq_understands_is_taken(url: str) -> None:
    opened(url).close()
