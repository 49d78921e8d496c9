"""Administration of topics: makes a cluster's topics what they should be, and says where they are not.

Whatever is not in the list of topics is left alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.kafka.administration import Administration, FoundTopic
from connectors.kafka.layout import TopicChoices, TopicSetup, wanted_topics
from connectors.settings import Connections


class TopicsRefused(Exception):
    """Nothing was changed, since it would break what is in flight. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a topic and the list. what: in words. A topic that "stays" differs in a
    way that cannot be changed."""

    topic: str
    action: Literal["create", "grow", "alter", "stays"]
    what: str


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as it is; all but the name is empty where there is none.

    config: the configurations that the list speaks of. records: how many offsets are kept, so a little
    more than there are records. differs: in words, what `apply_topics` would change, or cannot.
    """

    name: str
    partitions: int | None
    replication: int | None
    config: Mapping[str, str]
    records: int | None
    differs: tuple[str, ...]


def apply_topics(
    connections: Connections,
    choices: TopicChoices | None = None,
    *,
    dry_run: bool = False,
    work_left: Callable[[], str | None] | None = None,
) -> tuple[Change, ...]:
    """Create, grow and configure topics until they are as the list and `choices` say.

    Returns what was changed, and what differs but stays; a second call changes nothing. With `dry_run`
    nothing is changed. work_left: lets the joined topics and the aggregator's changelog grow if it
    gives None; else it says what has to be done first. Without it they never grow.

    Raises TopicsRefused before anything is changed, DependencyDown if the cluster does not answer,
    KafkaException if it refuses.
    """
    admin = Administration(connections)
    setups = wanted_topics(choices)
    found = admin.topics(setups)
    _check_joined(setups, found, work_left)
    brokers = admin.brokers()
    changes = tuple(
        change for setup in setups for change in _changes(setup, found.get(setup.name), brokers)
    )
    if not dry_run:
        _carry_out(admin, setups, found, brokers)
    return changes


def describe_topics(
    connections: Connections, choices: TopicChoices | None = None
) -> tuple[TopicState, ...]:
    """Every topic of the list as it is. Raises as `apply_topics` does, but for TopicsRefused."""
    admin = Administration(connections)
    setups = wanted_topics(choices)
    found = admin.topics(setups)
    brokers = admin.brokers()
    records = admin.records({name: topic.partitions for name, topic in found.items()})
    return tuple(_state(setup, found.get(setup.name), brokers, records) for setup in setups)


def _state(
    setup: TopicSetup, found: FoundTopic | None, brokers: int, records: Mapping[str, int]
) -> TopicState:
    differs = tuple(change.what for change in _changes(setup, found, brokers))
    if found is None:
        return TopicState(setup.name, None, None, {}, None, ("is not there",))
    names = setup.full_config(found.replication)
    config = {name: found.config.get(name, "") for name in names}
    return TopicState(
        setup.name, found.partitions, found.replication, config, records[setup.name], differs
    )


def _changes(setup: TopicSetup, found: FoundTopic | None, brokers: int) -> Iterator[Change]:
    """What has to be done to one topic."""
    if found is None:
        replicas = setup.replicas(brokers)
        config = " ".join(f"{name}={value}" for name, value in setup.full_config(replicas).items())
        what = f"{setup.partitions} partitions, replication {replicas}, {config}"
        yield Change(setup.name, "create", what)
        return
    partitions = f"partitions {found.partitions} → {setup.partitions}"
    if _grows(setup, found):
        yield Change(setup.name, "grow", partitions)
    elif setup.partitions != found.partitions:
        why = "Kafka never takes partitions away"
        if setup.partitions > found.partitions:
            why = "a tombstone would no longer find its record"
        yield Change(setup.name, "stays", f"{partitions}: {why}")
    if found.replication != setup.replicas(brokers):
        what = f"replication {found.replication} → {setup.replicas(brokers)}"
        yield Change(setup.name, "stays", f"{what}: kafka-reassign-partitions changes that")
    for name, value in _to_alter(setup, found).items():
        yield Change(setup.name, "alter", f"{name} {found.config.get(name)} → {value}")


def _grows(setup: TopicSetup, found: FoundTopic) -> bool:
    return setup.partitions > found.partitions and not setup.fixed


def _to_alter(setup: TopicSetup, found: FoundTopic) -> dict[str, str]:
    wanted = setup.full_config(found.replication)
    return {name: value for name, value in wanted.items() if found.config.get(name) != value}


def _carry_out(
    admin: Administration, setups: Sequence[TopicSetup], found: Mapping[str, FoundTopic], brokers: int
) -> None:
    missing = [setup for setup in setups if setup.name not in found]
    present = [(setup, found[setup.name]) for setup in setups if setup.name in found]
    admin.create(missing, brokers)
    admin.grow({setup.name: setup.partitions for setup, topic in present if _grows(setup, topic)})
    admin.alter({setup.name: _to_alter(setup, topic) for setup, topic in present})
    admin.await_partitions(
        {setup.name: setup.partitions for setup in missing}
        | {setup.name: setup.partitions for setup, topic in present if _grows(setup, topic)}
    )


def _check_joined(
    setups: Sequence[TopicSetup],
    found: Mapping[str, FoundTopic],
    work_left: Callable[[], str | None] | None,
) -> None:
    """Raises TopicsRefused if the joined topics have another partition count and may not grow now."""
    others = {
        setup.name: found[setup.name].partitions
        for setup in setups
        if setup.joined and setup.name in found and found[setup.name].partitions != setup.partitions
    }
    if not others:
        return
    (wanted,) = {setup.partitions for setup in setups if setup.joined}
    name, count = max(others.items(), key=lambda other: other[1])
    have = f"{name} and the topics joined with it have {count} partitions, not {wanted}"
    if count > wanted:
        raise TopicsRefused(f"{have}, and Kafka never takes partitions away: ask for {count}")
    if work_left is None:
        raise TopicsRefused(
            f"{have}: ask for {count}, or finish all work, stop all processors and apply again with "
            "--grow-joined"
        )
    if (reason := work_left()) is not None:
        raise TopicsRefused(f"{have}, and cannot grow while videos are in flight: {reason}")
