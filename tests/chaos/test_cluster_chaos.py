"""Whatever happens to a real cluster and to its processors: every upload ends once, and as it should.

REELAY_CHAOS_SEED throws the same dice again, as far as processes let themselves be timed;
REELAY_CHAOS_SECONDS lets the storm go on for longer.
"""

import logging
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from connectors.kafka.clients import client_config
from connectors.kafka.records import Record
from connectors.objectstore import ObjectStore, open_store
from connectors.registry import open_registry
from connectors.settings import Connections
from ops.cluster.cluster import Cluster
from schemas.codec import Codec
from schemas.events import AudioSegmented, SegmentTranscribed
from schemas.outcomes import Outcome
from schemas.topics import AUDIO_SEGMENTED, RETRYING, SEGMENT_TRANSCRIBED
from tests.chaos import guarantees
from tests.chaos.cluster_faults import CUT, KINDS, SESSION_S, Cut, Moments, Storm
from tests.chaos.cluster_fleet import AT_MOST, Fleet
from tests.chaos.cluster_uploads import Files, Publisher, make
from tests.chaos.cluster_witnesses import (
    DEAD,
    EMITTED,
    RETRIES,
    OutcomeWitness,
    event_in,
    outputs_again,
    revision_of,
)
from tests.chaos.commitlog import read_commits
from tests.chaos.guarantees import History, Input, Revision, seen
from tests.chaos.oracle import Results, faults, results_of
from tests.chaos.settings import ChaosSettings
from tests.chaos.witnesses import looking
from tests.processors import ALL, Processors, until
from tests.topics import records_of

SETTINGS = ChaosSettings()

_CALM_BEGINS_S = SETTINGS.seconds - 30.0
"""From the start; what is unfinished then needs some time."""
_TRUTH_S = 360.0
_CALM_S = 360.0
_CLASSIC = 0.25
_MORE_CUTS = 10
_NAMED_IN = {"converter": AUDIO_SEGMENTED.name, "transcriber": SEGMENT_TRANSCRIBED.name}
"""Where the events are that name a stage's artefacts."""

pytestmark = [
    pytest.mark.timeout(900 + 2 * SETTINGS.seconds),
    pytest.mark.skipif(sys.platform != "linux", reason="finds its victims in /proc"),
]


@dataclass(frozen=True, slots=True)
class Truth:
    """What comes of each file where nothing is disturbed, by its video id. records: of the topics."""

    results: Mapping[str, Results]
    records: Mapping[str, list[Record]]


def test_nothing_is_lost_done_twice_or_changed_whatever_happens_to_a_cluster(
    own_cluster: Callable[..., Cluster], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="reelay.kafka")  # its broker goes away, again and again
    protocol = "classic" if random.Random(f"{SETTINGS.seed} group").random() < _CLASSIC else "consumer"
    print(f"REELAY_CHAOS_SEED={SETTINGS.seed} REELAY_CHAOS_SECONDS={SETTINGS.seconds:.0f} ({protocol})")
    began = time.monotonic()
    cluster = own_cluster()
    connections = cluster.connections(scratch_folder=str(tmp_path / "scratch"))
    drop_silent_members(connections)
    store, codec, moments = open_store(connections), Codec(open_registry(connections)), Moments()
    files = make(tmp_path / "files", random.Random(f"{SETTINGS.seed} files"))
    witness = OutcomeWitness(connections)
    publisher = Publisher(
        connections, files, random.Random(f"{SETTINGS.seed} uploads"), witness.over.__contains__
    )
    processors = Processors(
        connections,
        tmp_path,
        REELAY_RUNTIME_GROUP_PROTOCOL=protocol,
        # The third worker that dies with one record makes it poison, as it should; dice kill more.
        REELAY_RUNTIME_MAX_ATTEMPTS="1000",
    )
    with processors:
        fleet = Fleet(processors, moments.note)
        try:
            with looking(witness.look, fleet.look):
                fleet.add(*ALL)
                truth = undisturbed(publisher, connections, store, codec)
                moments.note("undisturbed run is over", f"{len(publisher.published)} uploads")
                fleet.add(*(f"{name}.{number}" for name in ALL for number in range(2, AT_MOST + 1)))
                storm = Storm(
                    cluster,
                    fleet,
                    publisher,
                    moments,
                    random.Random(f"{SETTINGS.seed} storm"),
                    bait_of(truth, files, codec),
                )
                with looking(publisher.look):
                    storm.blow(until=began + _CALM_BEGINS_S)
                moments.note("storm is over", f"{len(publisher.unfinished())} unfinished")
                until(lambda: not publisher.unfinished(), "an outcome of each upload", within_s=_CALM_S)
                cut_if_none_was_met(storm, connections, codec)
            fleet.stop()
            moments.note("all is over", f"{len(publisher.published)} uploads")
        finally:
            print(moments)
            witness.close()

    records = records_of(connections, EMITTED)
    aside = records_of(connections, (*RETRIES, *DEAD))
    print(*sorted(Counter(record.topic for record in (*records, *aside)).items()), sep="\n")
    assert set(storm.done) == set(KINDS)
    met = cuts_met(storm.cuts, records, codec)
    print(f"{CUT}: {dict(met)} of {len(storm.cuts)}")
    assert met
    assert [record for record in aside if record.topic in DEAD] == []
    assert guarantees.faults(history(publisher, truth, records, codec, connections)) == []
    assert guarantees.faults(history_of_retries(publisher, aside)) == []
    assert list(wrong_results(publisher, store, truth, records, codec)) == []
    assert_nothing_left(store, tmp_path / "scratch")


def drop_silent_members(connections: Connections) -> None:
    """Let groups drop members as soon with Kafka's own protocol as with the classic one."""
    session = ConfigEntry(
        "consumer.session.timeout.ms",
        str(round(SESSION_S * 1000)),
        incremental_operation=AlterConfigOpType.SET,
    )
    resources = [
        ConfigResource(ResourceType.GROUP, group, incremental_configs=[session]) for group in RETRYING
    ]
    admin = AdminClient(client_config(connections))
    for done in admin.incremental_alter_configs(resources).values():
        done.result()


def undisturbed(
    publisher: Publisher, connections: Connections, store: ObjectStore, codec: Codec
) -> Truth:
    """Publish each file once, and wait for what comes of it."""
    for file in publisher.files.all:
        publisher.publish(file)
    until(lambda: not publisher.unfinished(), "the undisturbed outcomes", within_s=_TRUTH_S)
    records: dict[str, list[Record]] = defaultdict(list)
    for record in records_of(connections, EMITTED):
        records[revision_of(record)[0]].append(record)
    results = {file.video_id: results_of(store, (file.video_id, 1)) for file in publisher.files.all}
    captioned = [file.video_id for file in (*publisher.files.media, publisher.files.bait)]
    assert all("transcript.json" in results[video_id] for video_id in captioned)
    assert "transcript.json" not in results[publisher.files.bad.video_id]
    return Truth(results, records)


def bait_of(truth: Truth, files: Files, codec: Codec) -> dict[str, str]:
    """The artefacts of the bait's first segment, by who made them."""
    keys = {}
    for record in truth.records[files.bait.video_id]:
        match event_in(record, codec):
            case AudioSegmented(index=0) as segment:
                keys["converter"] = segment.audio.key
            case SegmentTranscribed(index=0) as transcribed:
                keys["transcriber"] = transcribed.artefact.key
    return keys


def cut_if_none_was_met(storm: Storm, connections: Connections, codec: Codec) -> None:
    """Have a kill between artefact and commit if, amid all else, the machine was too slow for each."""
    for kind in islice(cycle(kind for kind in KINDS if kind[1] == CUT), _MORE_CUTS):
        if cuts_met(storm.cuts, records_of(connections, _NAMED_IN.values()), codec):
            return
        storm.strike(kind)
        publisher = storm.publisher
        until(lambda p=publisher: not p.unfinished(), "the bait's outcome", within_s=_CALM_S)


def cuts_met(cuts: list[Cut], records: list[Record], codec: Codec) -> Counter[str]:
    """How many kills were between artefact and commit, by stage: the only event that names the artefact
    comes from work that began after it."""
    found = Counter[str]()
    for cut in cuts:
        for record in records:
            if record.topic == _NAMED_IN[cut.processor] and revision_of(record) == cut.revision:
                event = event_in(record, codec)
                assert isinstance(event, AudioSegmented | SegmentTranscribed)
                ref = event.audio if isinstance(event, AudioSegmented) else event.artefact
                if ref.key == cut.key and event.stages[-1].began_at > cut.at:
                    found[cut.processor] += 1
    return found


def history(
    publisher: Publisher,
    truth: Truth,
    records: list[Record],
    codec: Codec,
    connections: Connections,
) -> History:
    """All that was published and emitted."""
    inputs = []
    for (video_id, revision), _ in publisher.published.items():
        outputs = dict(
            outputs_again(record, event_in(record, codec), revision)
            for record in truth.records[video_id]
        )
        inputs.append(Input((video_id, revision), outputs, (video_id, revision) in publisher.cancelled))
    shown = [
        seen(record, outputs_again(record, event := event_in(record, codec), event.revision)[1])
        for record in records
    ]
    commits = read_commits(connections, list(RETRYING))
    assert {commit.group for commit in commits} == set(RETRYING)
    return History(inputs, shown, commits)


def history_of_retries(publisher: Publisher, aside: list[Record]) -> History:
    """What was put aside, each try once; which tries there are is the storm's affair."""
    inputs = [Input(revision) for revision in publisher.published]
    return History(inputs, [seen(record) for record in aside], outcomes=())


def wrong_results(
    publisher: Publisher, store: ObjectStore, truth: Truth, records: list[Record], codec: Codec
) -> Iterator[str]:
    """What is wrong with the objects of all revisions."""
    outcomes: dict[Revision, set[Outcome]] = defaultdict(set)
    for record in records:
        if isinstance(event := event_in(record, codec), Outcome):
            outcomes[revision_of(record)].add(event)
    for revision in publisher.published:
        yield from faults(
            revision,
            results_of(store, revision),
            truth.results[revision[0]],
            outcomes[revision],
            cancelled=revision in publisher.cancelled,
        )


def assert_nothing_left(store: ObjectStore, scratch: Path) -> None:
    """Neither objects outside the places where they are kept, or collected later, nor copies of
    uploads."""
    left = {key.partition("/")[0] for key in store.keys("")} - {"media", "results", "uploads"}
    assert left == set()
    assert not scratch.exists() or list(scratch.iterdir()) == []
