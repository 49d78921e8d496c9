"""The dead letters of all groups, as they lie in their topics."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import KafkaException

from connectors.errors import DependencyDown
from connectors.kafka.broadcast import BroadcastReader
from connectors.kafka.clients import open_plain_consumer
from connectors.kafka.records import Record
from connectors.settings import Connections
from processors.runtime.handover import Burial, Mark, buried, marked
from processors.runtime.stamp import subject_of
from processors.runtime.unwanted import VideoKey
from schemas.codec import Codec, UndecodableError
from schemas.events import Event
from schemas.times import time_of
from schemas.topics import PREFIX, TOPICS, Topic, dead_topic

_TIMEOUT_S = 10.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. topic, group: whose input it was, and who gave it up. redriven_as: the topic or
    revision that it was redriven to last, None if it was not."""

    topic: Topic
    group: str
    record: Record
    burial: Burial
    redriven_as: str | None

    @property
    def id(self) -> str:
        """`topic/partition/offset` of the letter itself, without the prefix that all topics have."""
        name = self.record.topic.removeprefix(PREFIX)
        return f"{name}/{self.record.partition}/{self.record.offset}"

    @property
    def dead_at(self) -> datetime:
        """When it was given up."""
        ms = self.burial.dead_ms
        return time_of(self.record.timestamp_ms if ms is None else ms)


def read_letters(connections: Connections) -> list[Letter]:
    """All dead letters, the oldest first. Raises DependencyDown, KafkaException."""
    topics = dict(_dead_topics(connections))
    if not topics:
        return []
    found: list[Record] = []
    with BroadcastReader(connections, topics) as reader:
        while not reader.caught_up:
            if (record := reader.poll(_POLL_S)) is not None:
                found.append(record)
    marks = _marks(found)
    letters = [
        Letter(*topics[record.topic], record, buried(record), marks.get(_place(record)))
        for record in found
        if marked(record) is None
    ]
    return sorted(letters, key=lambda letter: (letter.dead_at, letter.id))


def decoded(letter: Letter, codec: Codec) -> Event:
    """The event in a letter. Raises UndecodableError, DependencyDown."""
    return codec.decode(letter.record.value, letter.topic)


def whose(letter: Letter, codec: Codec) -> VideoKey | None:
    """The revision that a letter is about, by its event or else by its headers; None if neither says.

    Raises DependencyDown.
    """
    try:
        event = decoded(letter, codec)
    except UndecodableError:
        subject = subject_of(letter.record)
        return subject[0] if subject else None
    return VideoKey(event.video_id, event.revision)


def _dead_topics(connections: Connections) -> Iterator[tuple[str, tuple[Topic, str]]]:
    """Names of all topics of dead letters, each with the topic they came from and the group."""
    consumer = open_plain_consumer(connections)
    try:
        names = consumer.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        raise DependencyDown("broker", error.args[0].str()) from error
    finally:
        consumer.close()
    for name in names:
        for topic in TOPICS:
            group = name.removeprefix(f"{topic.name}.").removesuffix(".dead")
            if group and "." not in group and name == dead_topic(topic.name, group):
                yield name, (topic, group)


def _marks(records: Iterable[Record]) -> dict[tuple[str, int, int], str]:
    """By place of the letter, where it was redriven to last."""
    marks: dict[tuple[str, int, int], str] = {}
    for record in records:
        match marked(record):
            case Mark(partition, offset, redriven_as):
                marks[record.topic, partition, offset] = redriven_as
    return marks


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
