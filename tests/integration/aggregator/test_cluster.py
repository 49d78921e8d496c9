"""The aggregator on a real Kafka: transactions, compaction, rebalances, a broker that dies."""

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from connectors.kafka.admin import apply_topics
from connectors.kafka.clients import client_config
from connectors.objectstore import FolderStore, ObjectStore
from ops.cluster.cluster import Cluster
from processors.aggregator.broker import JOINED
from processors.runtime.main import Exit
from schemas.events import ArtefactRef, Event, VideoCompleted
from schemas.ids import event_id
from schemas.outcomes import load_outcome, outcome_key
from schemas.topics import AGGREGATOR, CHANGELOG, DEFAULT_PARTITIONS, OUTCOMES, READERS
from tests.integration.aggregator.world import WAIT_S, App, World, converted, probed
from tests.unit.aggregator import world as calm

RETAINED = [topic.name for topic in READERS[AGGREGATOR] if not topic.compacted]

FREEZES_WHILE_IT_WRITES = """
import os, signal
from connectors.objectstore import FolderStore
from processors.aggregator import outcome
from tests.integration.aggregator.world import main
put, render = FolderStore.put, outcome.render
def freezing(self, key, data):
    if key.endswith("/timeline.json"):
        os.kill(os.getpid(), signal.SIGSTOP)
    return put(self, key, data)
def another(*args):
    results = render(*args)
    results.files["timeline.json"] += b" "  # as one would see it who knows of other pieces
    return results
FolderStore.put, outcome.render = freezing, another
main()
"""


@pytest.fixture(scope="module")
def kafka(own_cluster: Callable[..., Cluster]) -> Cluster:
    return own_cluster()


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The module's world, in which nothing runs yet. Each test has videos of its own."""
    yield shared_world
    for app in shared_world.apps:
        app.kill()


@pytest.fixture(scope="module")
def shared_world(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store of the module's own, and the cluster's Kafka."""
    folder = tmp_path_factory.mktemp("aggregator") / "store"
    connections = kafka.connections(store_url=folder.as_uri(), registry_url="")
    with closing(World(connections, folder)) as world:
        yield world


def test_pieces_of_aborted_transactions_never_join_and_nothing_is_left_behind_as_lag(
    world: World,
) -> None:
    with world.running():
        producer = world.new_producer(transactional_id="test")
        producer.init_transactions(WAIT_S)
        for end in (producer.abort_transaction, producer.abort_transaction, producer.commit_transaction):
            producer.begin_transaction()
            segments = 2 if end == producer.commit_transaction else 0
            world.publish(*whole(world, "transacted", segments), producer=producer)
            end(WAIT_S)
        world.until_outcome("transacted")
        producer.begin_transaction()
        world.publish(*whole(world, "aborted", 1), producer=producer)
        producer.abort_transaction(WAIT_S)
        world.until(lambda: lag(world) == 0, "all is committed, markers and aborted records too")
    one_outcome(world, "transacted", segments=2)
    assert not rows(world, "aborted")
    for topic in OUTCOMES:
        assert not world.events(topic.name, "aborted")


def test_that_retention_removes_what_was_handled_is_no_loss_but_what_was_not_is_one(
    world: World,
) -> None:
    producer = world.new_producer(transactional_id="test")
    producer.init_transactions(WAIT_S)
    producer.begin_transaction()
    world.publish(*whole(world, "retained", 1), producer=producer)
    producer.commit_transaction(WAIT_S)
    with world.running():
        world.until_outcome("retained")
        world.until(lambda: lag(world) == 0, "all is committed")
    remove_records(world, RETAINED)
    with world.running():
        world.publish(*whole(world, "retained-later", 1))
        world.until_outcome("retained-later")
        world.until(lambda: lag(world) == 0, "all is committed")
    world.publish(probed("unread"))
    remove_records(world, RETAINED)
    app = world.start()
    assert app.wait() == Exit.GAP
    assert app.said("giving up: reelay.video.probed [")
    commit_all(world)


def test_a_changelog_that_was_compacted_or_ends_with_no_record_is_recovered_whole(world: World) -> None:
    with world.running():
        for number in range(8):
            world.publish(*whole(world, f"compacted-{number}", 2))
        open_videos = [f"open-{number}" for number in range(8)]
        for video in open_videos:
            world.publish(probed(video), world.segment(video, 0))
        for video in open_videos:
            world.until(lambda video=video: len(rows(world, video)) == 2, f"rows of {video}")
        world.until(lambda: lag(world) == 0, "all is committed")
    compact(world)
    end_with_a_marker(world)
    with world.running() as app:
        world.until(lambda: app.said("tables recovered: "), "it recovers")
        for video in open_videos:
            world.publish(converted(video, 1))
        for video in open_videos:
            world.until_outcome(video)
    for video in open_videos:
        one_outcome(world, video, segments=1)


def test_killed_amid_joins_it_loses_none_and_ends_them_as_if_undisturbed(world: World) -> None:
    videos = [f"killed-{number}" for number in range(6)]
    first = world.start()
    for video in videos:
        world.publish(*whole(world, video, 3)[:3])
    world.until(lambda: sum(len(rows(world, video)) for video in videos) >= 9, "half of the rows")
    first.kill()
    for video in videos[:3]:
        world.publish(*whole(world, video, 3)[3:])
    with world.running():
        for video in videos[3:]:
            world.publish(*whole(world, video, 3)[3:])
        for video in videos:
            world.until_outcome(video)
    for video in videos:
        one_outcome(world, video, segments=3)


def test_partitions_move_between_two_with_videos_in_flight(world: World) -> None:
    videos = [f"moved-{number}" for number in range(10)]
    pieces = {video: whole(world, video, 3) for video in videos}

    def publish_next() -> None:
        for video in videos:
            world.publish(pieces[video].pop(0))

    first = world.start()
    publish_next()
    world.until(lambda: all(rows(world, video) for video in videos), "rows of each")
    second = world.start()
    publish_next()
    world.until(lambda: second.said("open joins, "), "the second has partitions")
    assert not second.said("tables recovered: 0 open joins")
    publish_next()
    assert second.stop() == 0
    third = world.start()
    world.until(lambda: third.said("open joins, "), "the third has partitions")
    publish_next()
    third.kill()
    publish_next()
    for video in videos:
        world.until_outcome(video)
        one_outcome(world, video, segments=3)
    assert first.stop() == 0


def test_one_that_froze_amid_its_writing_leaves_the_others_result_as_it_is(world: World) -> None:
    frozen = world.start(FREEZES_WHILE_IT_WRITES)
    world.publish(*whole(world, "frozen", 2))
    world.until(lambda: is_stopped(frozen), "it is frozen")
    with world.running():
        world.until_outcome("frozen")
        os.kill(frozen.process.pid, signal.SIGCONT)
        world.until(lambda: frozen.said("VideoCompleted: frozen"), "it goes on")
        world.until(lambda: frozen.said("tables recovered: 0 open joins"), "it is back in the group")
        assert frozen.stop() == 0
    one_outcome(world, "frozen", segments=2)


@pytest.mark.parametrize("gently", [True, False], ids=["restarts", "dies"])
def test_a_broker_that_goes_and_comes_back_costs_nothing(
    kafka: Cluster, world: World, gently: bool
) -> None:
    videos = [f"broker-{gently}-{number}" for number in range(4)]
    app = world.start()
    for video in videos:
        world.publish(*whole(world, video, 2)[:2])
    world.until(lambda: all(rows(world, video) for video in videos), "rows of each")
    (kafka.kafka.stop if gently else kafka.kafka.kill)()
    kafka.kafka.start()
    for video in videos:
        world.publish(*whole(world, video, 2)[2:])
    for video in videos:
        world.until_outcome(video)
        one_outcome(world, video, segments=2)
    assert app.stop() == 0
    assert len(app.lines()) < 100  # it has tried to connect ten times a second


def test_rows_that_were_removed_unread_are_an_error_not_a_skip(world: World) -> None:
    changelog = ConfigResource(ResourceType.TOPIC, CHANGELOG)
    configure(world, changelog, cleanup_policy="delete")  # Kafka refuses where rows are only compacted
    remove_records(world, [CHANGELOG])
    app = world.start()
    assert app.wait() == Exit.GAP
    assert app.said(f"giving up: changelog {CHANGELOG} [")
    asked(world, lambda kafka: kafka.delete_topics([CHANGELOG]))
    world.until(lambda: apply_topics(world.connections), "a new changelog")


def whole(world: World, video_id: str, segments: int) -> list[Event]:
    """All events of a video, each with its id."""
    return [
        replace(event, event_id=event_id(type(event).__name__, video_id, 1, "test", number))
        for number, event in enumerate(world.video(video_id, segments))
    ]


def rows(world: World, video_id: str) -> list[object]:
    return list(world.events(CHANGELOG, video_id))


def one_outcome(world: World, video_id: str, *, segments: int) -> None:
    """The video has one outcome: everybody who told of it told the same, and its files are there, with
    the bytes that an undisturbed aggregator gives them."""
    told = {(m.topic(), m.value()) for topic in OUTCOMES for m in world.events(topic.name, video_id)}
    decided = load_outcome(world.store.get(outcome_key(video_id, 1)))
    assert isinstance(decided, VideoCompleted)
    assert told == {("reelay.video.completed", world.codec.encode(decided))}
    for ref in decided.files:
        assert world.store.find(ref.key) == ref
    assert results(decided.files, world.store) == undisturbed(world, video_id, segments)


def undisturbed(world: World, video_id: str, segments: int) -> dict[str, bytes]:
    folder = world.folder.with_name(f"undisturbed-{video_id}")
    shutil.copytree(world.folder / "media", folder / "media")
    calm_world = calm.World()
    calm_world.store = store = FolderStore(folder)  # type: ignore[assignment]
    calm_world.feed(whole(world, video_id, segments))
    decided = load_outcome(store.get(outcome_key(video_id, 1)))
    assert isinstance(decided, VideoCompleted)
    return results(decided.files, store)


def results(files: Sequence[ArtefactRef], store: ObjectStore) -> dict[str, bytes]:
    """By name, all but the times, which tell of the run."""
    named = {PurePosixPath(ref.key).name: store.get(ref.key) for ref in files}
    named.pop("timeline.json")
    return named


def is_stopped(app: App) -> bool:
    return Path(f"/proc/{app.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def asked(world: World, ask: Callable[[AdminClient], Mapping[Any, Future[Any]]]) -> dict[Any, Any]:
    """What an administrative request has brought."""
    client = AdminClient(client_config(world.connections))  # answers come while it is there
    return {about: answer.result(WAIT_S) for about, answer in ask(client).items()}


def ends(world: World, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """The offsets that the next records will have."""
    places = [TopicPartition(name, number) for name in topics for number in range(DEFAULT_PARTITIONS)]
    latest = asked(world, lambda kafka: kafka.list_offsets(dict.fromkeys(places, OffsetSpec.latest())))
    return {place: found.offset for place, found in latest.items()}


def lag(world: World) -> int:
    """How much of the joined topics the group has not committed; none where it has committed nothing."""
    (group,) = asked(
        world,
        lambda kafka: kafka.list_consumer_group_offsets([ConsumerGroupTopicPartitions(AGGREGATOR)]),
    ).values()
    committed = {(part.topic, part.partition): part.offset for part in group.topic_partitions}
    return sum(
        end - committed.get((place.topic, place.partition), 0)
        for place, end in ends(world, JOINED).items()
    )


def remove_records(world: World, topics: Iterable[str]) -> None:
    """As retention does: all that these topics have."""
    places = [TopicPartition(p.topic, p.partition, end) for p, end in ends(world, topics).items()]
    asked(world, lambda kafka: kafka.delete_records(places))


def commit_all(world: World) -> None:
    """What an operator does who has seen to what was lost."""
    places = [TopicPartition(p.topic, p.partition, end) for p, end in ends(world, JOINED).items()]
    group = ConsumerGroupTopicPartitions(AGGREGATOR, places)

    def committed() -> bool:
        try:
            (found,) = asked(world, lambda kafka: kafka.alter_consumer_group_offsets([group])).values()
        except KafkaException:  # the broker still counts on one that has died
            return False
        return not any(place.error for place in found.topic_partitions)

    world.until(committed, "the group is empty")


def configure(world: World, resource: ConfigResource, **settings: str) -> None:
    """settings: Kafka's, their dots written as underscores."""
    for name, value in settings.items():
        resource.add_incremental_config(
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        )
    asked(world, lambda kafka: kafka.incremental_alter_configs([resource]))


def compact(world: World) -> None:
    """Have Kafka compact the changelog now: the rows of what is decided go."""
    configure(world, ConfigResource(ResourceType.BROKER, "1"), log_cleaner_backoff_ms="100")
    configure(
        world,
        ConfigResource(ResourceType.TOPIC, CHANGELOG),
        segment_ms="1",
        min_cleanable_dirty_ratio="0.001",
        max_compaction_lag_ms="1",
    )
    for number in range(DEFAULT_PARTITIONS):  # a segment is closed when something is written after it
        world.producer.produce(CHANGELOG, None, b"none:1:probed", partition=number)
    assert world.producer.flush(WAIT_S) == 0
    world.until(
        lambda: (
            not any(
                m.value()
                and (m.key() or b"").startswith(b"compacted-")
                and not (m.key() or b"").endswith(b":done")
                for m in world.read(CHANGELOG)
            )
        ),
        "the changelog is compacted",
    )


def end_with_a_marker(world: World) -> None:
    """Let each partition of the changelog end with what is no record."""
    producer = world.new_producer(transactional_id="test")
    producer.init_transactions(WAIT_S)
    producer.begin_transaction()
    for number in range(DEFAULT_PARTITIONS):
        producer.produce(CHANGELOG, None, b"none:1:probed", partition=number)
    producer.commit_transaction(WAIT_S)
