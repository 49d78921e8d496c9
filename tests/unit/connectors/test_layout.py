"""Which topics a cluster should have, and how an operator's file changes that."""

import pytest

from connectors.kafka.clients import MAX_EVENT_BYTES
from connectors.kafka.layout import TopicChoices, TopicSetup, read_choices, wanted_topics
from connectors.settings import Connections
from ops.pipeline import PROCESSORS
from processors.aggregator import app
from processors.converter import processor as converter
from processors.enricher import processor as enricher
from processors.runtime.contract import Stage
from processors.transcriber import processor as transcriber
from schemas.topics import AGGREGATOR, CATALOG, CHANGELOG, OUTCOMES, READERS, RETRYING, TOPICS

DAY_MS = 86_400_000


def setups(choices: TopicChoices | None = None) -> dict[str, TopicSetup]:
    return {setup.name: setup for setup in wanted_topics(choices)}


def test_the_list_knows_what_every_consumer_group_reads() -> None:
    connections = Connections.only(kafka_brokers="unused:1", store_url="file:///unused")
    stages: list[Stage] = [module.stage(connections) for module in (converter, transcriber, enricher)]

    assert {stage.name: tuple(lane.topic for lane in stage.lanes) for stage in stages} == RETRYING
    assert tuple(topic.name for topic in READERS[AGGREGATOR]) == app.JOINED
    assert app.internal_topics() == (CHANGELOG,)
    assert set(READERS) == {*PROCESSORS, CATALOG}


def test_every_topic_of_the_list_and_what_groups_put_aside_is_wanted_once() -> None:
    names = [setup.name for setup in wanted_topics()]

    assert len(set(names)) == len(names)
    assert {topic.name for topic in TOPICS} < set(names)
    assert "reelay.audio.segmented.bulk.transcriber.retry" in names
    assert "reelay.video.probed.aggregator.dead" in names
    assert CHANGELOG in names


def test_the_joined_topics_and_the_changelog_have_one_partition_count() -> None:
    joined = [setup for setup in wanted_topics(TopicChoices(partitions=7)) if setup.joined]

    assert {setup.name for setup in joined} == {*app.JOINED, CHANGELOG}
    assert {setup.partitions for setup in joined} == {7}


def test_records_are_kept_as_long_as_the_list_says() -> None:
    kept = {name: setup.config.get("retention.ms") for name, setup in setups().items()}

    assert kept["reelay.video.uploaded"] == str(7 * DAY_MS)
    assert kept["reelay.video.progress"] == str(3_600_000)
    assert kept["reelay.video.uploaded.converter.retry"] == str(7 * DAY_MS)
    assert kept["reelay.video.uploaded.converter.dead"] == str(30 * DAY_MS)


def test_a_segment_is_closed_well_before_its_records_are_to_go() -> None:
    for setup in wanted_topics():
        if setup.config["cleanup.policy"] == "delete":
            assert int(setup.config["segment.ms"]) <= int(setup.config["retention.ms"]) / 4


def test_outcomes_deletions_and_the_changelog_are_compacted_and_never_deleted() -> None:
    compacted = {setup.name for setup in wanted_topics() if setup.config["cleanup.policy"] == "compact"}

    assert compacted == {*(topic.name for topic in OUTCOMES), "reelay.video.deleted", CHANGELOG}
    for name in compacted:
        assert int(setups()[name].config["delete.retention.ms"]) == 7 * DAY_MS
        assert "retention.ms" not in setups()[name].config


def test_brokers_take_what_producers_write() -> None:
    assert all(int(setup.config["max.message.bytes"]) > MAX_EVENT_BYTES for setup in wanted_topics())


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (9, 3, "2")]
)
def test_three_copies_where_there_are_brokers_and_one_may_be_down(
    brokers: int, replicas: int, in_sync: str
) -> None:
    setup = setups()["reelay.video.uploaded"]

    assert setup.replicas(brokers) == replicas
    assert setup.full_config(replicas)["min.insync.replicas"] == in_sync


def test_a_file_changes_what_it_names_and_nothing_else() -> None:
    choices = read_choices(
        """
        partitions = 24
        ["audio.segmented"]
        partitions = 48
        "retention.ms" = 86400000
        """
    )
    chosen = setups(choices)

    assert chosen["reelay.audio.segmented"].partitions == 48
    assert chosen["reelay.audio.segmented"].config["retention.ms"] == str(DAY_MS)
    assert chosen["reelay.audio.segmented"].config["cleanup.policy"] == "delete"
    assert chosen["reelay.audio.segmented.bulk"].partitions == 24
    assert chosen["reelay.audio.segmented.bulk"].config["retention.ms"] == str(7 * DAY_MS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("partition = 12", "expected partitions or replication"),
        ("partitions = 0", "a number from 1"),
        ('replication = "3"', "a number from 1"),
        ('["video.uploded"]\npartitions = 3', "there is no topic reelay.video.uploded"),
        ('["video.uploaded"]\npartitions = true', "a number from 1|expected a number"),
        ('["video.uploaded"]\n"retention.ms" = [1]', "expected a number or a text"),
        ('["video.probed"]\npartitions = 24', "joined with others"),
        ("[", "end of document"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_choices(text)
