"""The lag of consumer groups: how many records each has not finished, partition by partition.

The difference between a partition's end and the committed offset is no count of records: transactions
leave markers, compaction leaves holes, and what is done beyond the committed offset is in the commit's
metadata. So the first records after the committed offset are read and counted; if only markers are
there, the reader is at the end at once and the lag is 0.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.errors import DependencyDown
from connectors.kafka.clients import client_config, open_plain_consumer
from connectors.kafka.records import Partition
from connectors.settings import Connections
from ops.inflight.members import ANSWER_S, Member, members_of, result, when_settled
from processors.runtime.frontier import Frontier, UnreadableMetadataError
from schemas.topics import READERS, RETRYING, retry_topic

COUNTED = 200
"""So many records of a partition are counted; what lies beyond them is taken from the offsets."""
_POLL_S = 0.5

log = logging.getLogger("reelay.kafka")


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition for one group.

    committed: None where the group has committed nothing. end: the offset after the last record that a
    reader of committed records may see. lag: records that are not done, exact up to `COUNTED`.
    oldest: when the first of them was written (Unix time), None without one.
    """

    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One consumer group. state: Kafka's word, lower case ("stable", "empty", "dead": never seen).
    missing: topics that it reads and that are not there."""

    group: str
    state: str
    members: tuple[Member, ...]
    partitions: tuple[PartitionLag, ...]
    missing: tuple[str, ...]

    @property
    def lag(self) -> int:
        return sum(partition.lag for partition in self.partitions)

    @property
    def oldest(self) -> float | None:
        """When its oldest unfinished record was written (Unix time)."""
        times = [partition.oldest for partition in self.partitions if partition.oldest is not None]
        return min(times, default=None)


@dataclass(slots=True)
class _Unread:
    """What is found in one partition from `start` on."""

    start: int
    end: int
    frontier: Frontier
    seen: int = 0
    count: int = 0
    oldest: float | None = None

    def take(self, offset: int, written: float) -> bool:
        """Count a record; whether the next one is wanted, too."""
        self.seen += 1
        if self.frontier.take(offset):
            self.count += 1
            self.oldest = written if self.oldest is None else self.oldest
        if self.seen < COUNTED:
            return True
        self.count += max(0, self.end - offset - 1)
        return False


def topics_of(group: str) -> tuple[str, ...]:
    """All that a group reads: its input topics, and what it put aside for later."""
    inputs = READERS[group]
    retries = [retry_topic(topic.name, group) for topic in RETRYING.get(group, ())]
    return (*(topic.name for topic in inputs), *retries)


def group_statuses(connections: Connections) -> tuple[GroupStatus, ...]:
    """How every consumer group of Reelay is. Blocks for some seconds where much is unread.

    Raises DependencyDown if the cluster does not answer, KafkaException if it refuses.
    """
    said: list[KafkaError] = []
    admin = AdminClient(client_config(connections) | {"error_cb": said.append}, logger=log)
    try:
        topics = admin.list_topics(timeout=ANSWER_S).topics
    except KafkaException as error:
        admin.poll(0)  # have it say why
        why = [heard for heard in said if heard.code() != KafkaError._ALL_BROKERS_DOWN]
        raise DependencyDown("broker", (why or error.args)[0].str()) from error
    there = {name: sorted(found.partitions) for name, found in topics.items() if found.error is None}

    def ask() -> tuple[GroupStatus, ...]:
        described = admin.describe_consumer_groups(list(READERS), request_timeout=ANSWER_S)
        return tuple(_group(connections, admin, group, described[group], there) for group in READERS)

    return when_settled(ask)


def _group(
    connections: Connections,
    admin: AdminClient,
    group: str,
    described: "Future[Any]",
    there: Mapping[str, list[int]],
) -> GroupStatus:
    topics = topics_of(group)
    places = [(topic, number) for topic in topics for number in there.get(topic, ())]
    committed = _committed(connections, group, places)
    begins = _offsets(admin, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    ends = _offsets(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    unread = {}
    for place in places:
        offset, metadata = committed.get(place, (None, ""))
        start = begins[place] if offset is None else max(offset, begins[place])
        unread[place] = _Unread(start, ends[place], _frontier(offset, metadata))
    _count(connections, {place: found for place, found in unread.items() if found.start < found.end})
    members, state = members_of(described)
    return GroupStatus(
        group=group,
        state=state,
        members=members,
        partitions=tuple(
            PartitionLag(
                topic=place[0],
                partition=place[1],
                committed=committed.get(place, (None, ""))[0],
                end=found.end,
                lag=found.count,
                oldest=found.oldest,
            )
            for place, found in unread.items()
        ),
        missing=tuple(topic for topic in topics if topic not in there),
    )


def _frontier(offset: int | None, metadata: str) -> Frontier:
    """What is done; metadata of others (the aggregator's) says nothing."""
    try:
        return Frontier() if offset is None else Frontier.restored(offset, metadata)
    except UnreadableMetadataError:
        return Frontier(offset)


def _committed(
    connections: Connections, group: str, places: Iterable[Partition]
) -> dict[Partition, tuple[int | None, str]]:
    """Offset and metadata, as a consumer asks for them that never joins the group.

    The administration protocol's own question ends the process now and then: where the group's
    coordinator has just moved, librdkafka 2.16 tells a consumer group that an AdminClient does not have
    (`rd_kafka_handle_OffsetFetch`).
    """
    asked = [TopicPartition(*place) for place in places]
    # A commit that is under way does not count yet, and is not waited for.
    consumer = open_plain_consumer(connections, group_id=group, isolation_level="read_uncommitted")
    try:
        answer = consumer.committed(asked, timeout=ANSWER_S) if asked else []
    finally:
        consumer.close()
    return {
        (place.topic, place.partition): (place.offset, place.metadata or "")
        for place in answer
        if place.offset != OFFSET_INVALID
    }


def _offsets(admin: AdminClient, places: Iterable[Partition], spec: OffsetSpec) -> dict[Partition, int]:
    asked = {TopicPartition(*place): spec for place in places}
    if not asked:
        return {}
    found = admin.list_offsets(
        asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_S
    )
    return {(place.topic, place.partition): result(answer).offset for place, answer in found.items()}


def _count(connections: Connections, unread: Mapping[Partition, _Unread]) -> None:
    """Read the first records of each partition."""
    if not unread:
        return
    consumer = open_plain_consumer(connections, enable_partition_eof=True)
    left = set(unread)
    deadline = time.monotonic() + ANSWER_S
    try:
        consumer.assign([TopicPartition(*place, found.start) for place, found in unread.items()])
        while left and time.monotonic() < deadline:
            for message in consumer.consume(num_messages=COUNTED, timeout=_POLL_S):
                place = (str(message.topic()), int(message.partition() or 0))
                if place in left and not _take(message, unread[place]):
                    left.discard(place)
                    consumer.pause([TopicPartition(*place)])
    finally:
        consumer.close()
    for place in left:  # no answer in time: the offsets are all there is to go by
        unread[place].count = unread[place].end - unread[place].start


def _take(message: Message, found: _Unread) -> bool:
    """Count what was read; whether more of the partition is wanted."""
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._PARTITION_EOF:
            return False
        raise KafkaException(error)
    offset = int(message.offset() or 0)
    if offset >= found.end:  # written since
        return False
    return found.take(offset, message.timestamp()[1] / 1000)
