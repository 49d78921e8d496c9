"""Which topics a cluster should have, and how each should be set up. Pure.

They follow from the list of topics (`schemas.topics`); an operator's file may say otherwise for some.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.topics import (
    CHANGELOG,
    DAY_S,
    DEAD_KEPT_S,
    DEFAULT_PARTITIONS,
    PREFIX,
    READERS,
    RETRY_KEPT_S,
    RETRYING,
    TOPICS,
    dead_topic,
    retry_topic,
)

MAX_RECORD_BYTES = 1_048_588
"""What brokers accept by default. Values of ours stay below `clients.MAX_EVENT_BYTES`; a dead letter's
headers come on top of that."""
_MAX_REPLICAS = 3
_TOMBSTONES_KEPT_S = 7 * DAY_S
_MAX_SEGMENT_S = DAY_S
"""Only closed segments are removed or compacted, so a quiet topic closes one as often as this."""


@dataclass(frozen=True, slots=True)
class TopicSetup:
    """One topic as it should be.

    joined: one of the topics whose partition count the aggregator's table shares. fixed: its partition
    count stays as it was created; the aggregator's tombstones would else miss what they are to remove.
    replication: None for three, or as many as there are brokers. config: Kafka's names and values.
    """

    name: str
    partitions: int
    config: Mapping[str, str]
    joined: bool = False
    fixed: bool = False
    replication: int | None = None

    def replicas(self, brokers: int) -> int:
        return self.replication or min(_MAX_REPLICAS, brokers)

    def full_config(self, replicas: int) -> dict[str, str]:
        """The configuration with as many replicas: a write is acknowledged by a second one, too, once
        there are three; with two that would stop all writes whenever one is down."""
        in_sync = {"min.insync.replicas": "2" if replicas >= _MAX_REPLICAS else "1"}
        return in_sync | dict(self.config)


@dataclass(frozen=True, slots=True)
class TopicChoices:
    """What an operator decides.

    partitions: of every topic, but for dead letters (one) and what `topics` says. replication: None for
    three, or as many as there are brokers. topics: by full name, settings of that topic alone, as in the
    file: "partitions", and any of Kafka's topic configurations.
    """

    partitions: int = DEFAULT_PARTITIONS
    replication: int | None = None
    topics: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)


def read_choices(text: str) -> TopicChoices:
    """The choices in a TOML file: `partitions` and `replication` at its top, then a table for each topic
    that is to differ, named with or without the prefix.

    Raises ValueError, in words for the person who wrote the file.
    """
    given: dict[str, Any] = tomllib.loads(text)
    tables = {name: value for name, value in given.items() if isinstance(value, dict)}
    numbers = {name: value for name, value in given.items() if name not in tables}
    for name, value in numbers.items():
        if name not in ("partitions", "replication") or not _is_count(value):
            raise ValueError(f"{name} = {value!r}: expected partitions or replication, a number from 1")
    topics = {_full(name): table for name, table in tables.items()}
    known = {setup.name: setup for setup in wanted_topics()}
    for name, table in topics.items():
        if name not in known:
            raise ValueError(f"there is no topic {name}")
        for setting, value in table.items():
            if type(value) not in (str, int):
                raise ValueError(f"{name}: {setting} = {value!r}: expected a number or a text")
        if "partitions" in table:
            if not _is_count(table["partitions"]):
                raise ValueError(
                    f"{name}: partitions = {table['partitions']!r}: expected a number from 1"
                )
            if known[name].joined:
                raise ValueError(
                    f"{name} is joined with others, which all have one partition count: "
                    "say it at the top of the file"
                )
    return TopicChoices(**numbers, topics=topics)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _full(name: str) -> str:
    return name if name.startswith(PREFIX) or name == CHANGELOG else PREFIX + name


def wanted_topics(choices: TopicChoices | None = None) -> tuple[TopicSetup, ...]:
    """Every topic that Reelay uses: events, retries, dead letters, the aggregator's changelog."""
    choices = choices or TopicChoices()
    return tuple(_chosen(setup, choices) for setup in _by_the_list(choices.partitions))


def _chosen(setup: TopicSetup, choices: TopicChoices) -> TopicSetup:
    own = dict(choices.topics.get(setup.name, {}))
    partitions = int(own.pop("partitions", setup.partitions))
    config = dict(setup.config) | {name: str(value) for name, value in own.items()}
    return replace(setup, partitions=partitions, config=config, replication=choices.replication)


def _by_the_list(partitions: int) -> Iterator[TopicSetup]:
    for topic in TOPICS:
        config = _compacted() if topic.kept_s is None else _kept(topic.kept_s)
        fixed = topic.compacted and not topic.joined
        yield TopicSetup(topic.name, partitions, config, joined=topic.joined, fixed=fixed)
    for group, topics in RETRYING.items():
        for topic in topics:
            yield TopicSetup(retry_topic(topic.name, group), partitions, _kept(RETRY_KEPT_S))
    for group, topics in READERS.items():
        for topic in topics:
            yield TopicSetup(dead_topic(topic.name, group), 1, _kept(DEAD_KEPT_S))
    yield TopicSetup(CHANGELOG, partitions, _compacted(), joined=True)


def _kept(seconds: int) -> dict[str, str]:
    kept_ms = seconds * 1000
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(kept_ms),
        "segment.ms": str(min(_MAX_SEGMENT_S * 1000, kept_ms // 4)),
        "max.message.bytes": str(MAX_RECORD_BYTES),
    }


def _compacted() -> dict[str, str]:
    """Never `compact,delete`: whoever reads from the beginning relies on finding every key. A reader
    that takes less than a week from the beginning to the end meets every tombstone."""
    return {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(_TOMBSTONES_KEPT_S * 1000),
        "max.compaction.lag.ms": str(_TOMBSTONES_KEPT_S * 1000),
        "segment.ms": str(_MAX_SEGMENT_S * 1000),
        "max.message.bytes": str(MAX_RECORD_BYTES),
    }
