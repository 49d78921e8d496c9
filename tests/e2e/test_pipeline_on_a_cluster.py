"""The cluster of `reelay cluster up` with the four processors, as a user has them: a folder of mixed
files is published, and what became of each is looked at."""

import json
import os
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import pytest
from confluent_kafka import ConsumerGroupType
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from connectors.kafka.clients import client_config
from connectors.kafka.records import Record
from connectors.objectstore import ObjectStore, open_store
from connectors.settings import Connections
from ops.cluster.programs import Programs
from schemas.outcomes import load_outcome, outcome_key
from schemas.topics import (
    AUDIO_SEGMENTED,
    AUDIO_SEGMENTED_BULK,
    CATALOG,
    OUTCOMES,
    SEGMENT_ENRICHED,
    SEGMENT_TRANSCRIBED,
    STAGE_FAILED,
    VIDEO_CONVERTED,
    VIDEO_PROBED,
)
from tests import media
from tests.e2e.command import plain
from tests.integration.cluster.command import Command
from tests.processors import ALL, REELAY, Processors, until
from tests.topics import records_of

pytestmark = pytest.mark.timeout(600)

LENGTH_S = 5
BY_THE_RUNTIME = (
    VIDEO_PROBED,
    AUDIO_SEGMENTED,
    AUDIO_SEGMENTED_BULK,
    VIDEO_CONVERTED,
    SEGMENT_TRANSCRIBED,
    SEGMENT_ENRICHED,
    STAGE_FAILED,
)
CLIP = "clip.mp4"
WITH_ODD_NAME = "Été à Zürich – 会議 🎬.mp4"
SPEAKING = {
    **{f"short.{extension}": LENGTH_S for extension in media.FORMATS},
    "stereo.wav": LENGTH_S,
    "phone.wav": LENGTH_S,
    "tracks.mkv": LENGTH_S,
    "truncated.wav": 2,
    WITH_ODD_NAME: LENGTH_S,
}
"""Files that say the clip's beginning: seconds of it."""
SILENT = ("mute.mp4", "silence.wav", "blink.wav")
BAD = {
    "text.mp4": "no video or audio that can be read",
    "empty.mp4": "empty (0 bytes)",
    "no-index.mov": "no index (moov)",
}


@dataclass(frozen=True, slots=True)
class Published:
    """What is there after all has ended. told: the command's lines of JSON, by the file's name."""

    connections: Connections
    folder: Path
    told: Mapping[str, Mapping[str, Any]]
    stderr: str
    status: int

    @property
    def store(self) -> ObjectStore:
        return open_store(self.connections)

    def reelay(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return reelay(self.connections, self.folder, *arguments)

    def files(self, name: str) -> dict[str, str]:
        """The results of a file in the store, text by the name of the result."""
        upload = self.told[name]
        outcome = load_outcome(self.store.get(outcome_key(upload["video_id"], upload["revision"])))
        keys = [file.key for file in getattr(outcome, "files", ())]
        assert all(key.startswith(f"results/{upload['video_id']}/1/") for key in keys)
        return {key.rpartition("/")[2]: self.store.get(key).decode() for key in keys}

    def committed(self, *topics: str) -> list[Record]:
        """All that a reader of what is committed finds in these topics."""
        return records_of(self.connections, topics)


def reelay(
    connections: Connections, folder: Path, *arguments: str | Path
) -> "subprocess.CompletedProcess[str]":
    """A command of a user of the cluster, who has an empty home."""
    return subprocess.run(
        [REELAY, *arguments],
        cwd=folder,
        env={**os.environ, **connections.environment(), "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.fixture(scope="module")
def published(
    cluster_programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("user")
    make_films(folder / "films")
    cluster = Command(folder / "cluster")
    try:
        database = SecretStr(f"sqlite://{folder / 'catalogue.sqlite3'}")
        connections = cluster.up().model_copy(update={"database_url": database})
        with Processors(connections, folder) as processors:
            processors.start(*ALL, CATALOG)
            done = reelay(connections, folder, "publish", "--wait", "--json", "films", media.CLIP)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            told = {line["source"].rpartition("/")[2]: line for line in lines}
            yield Published(connections, folder, told, done.stderr, done.returncode)
    finally:
        stopped = cluster.run("down", "--delete")
    assert stopped.returncode == 0, stopped.stderr


def make_films(films: Path) -> None:
    """A folder of all kinds of files, each of a few seconds."""
    films.mkdir()
    clip = ("-t", LENGTH_S, "-i", media.CLIP)
    for extension, how in media.FORMATS.items():
        media.ffmpeg(*clip, *how, films / f"short.{extension}")
    media.ffmpeg(*clip, "-vn", "-ac", 2, films / "stereo.wav")
    media.ffmpeg(*clip, "-vn", "-ar", 8000, films / "phone.wav")
    later = ("-ss", 20, "-t", LENGTH_S, "-i", media.CLIP)
    maps = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-c", "copy")
    media.ffmpeg(*clip, *later, *maps, films / "tracks.mkv")
    media.ffmpeg(*clip, "-c", "copy", films / WITH_ODD_NAME)
    whole = (films / "short.wav").read_bytes()
    (films / "truncated.wav").write_bytes(whole[: len(whole) * SPEAKING["truncated.wav"] // LENGTH_S])
    media.ffmpeg(*clip, "-an", "-c", "copy", films / "mute.mp4")
    media.ffmpeg("-f", "lavfi", "-i", f"anullsrc=d={LENGTH_S}", films / "silence.wav")
    media.piece(films / "blink.wav", duration_s=0.2)
    (films / "text.mp4").write_text("This is no film.\n" * 100)
    (films / "empty.mp4").touch()
    media.ffmpeg(*clip, "-c", "copy", "-movflags", "-faststart", films / "no-index.mov")
    index_last = (films / "no-index.mov").read_bytes()
    (films / "no-index.mov").write_bytes(index_last[: len(index_last) // 2])


def test_the_command_tells_of_every_file_and_names_what_failed(published: Published) -> None:
    outcomes = {name: line["outcome"] for name, line in published.told.items()}

    assert published.status == 1
    assert outcomes == {
        **dict.fromkeys((CLIP, *SPEAKING, *SILENT), "completed"),
        **dict.fromkeys(BAD, "failed"),
    }
    for name, reason in BAD.items():
        assert reason in published.told[name]["reason"]


@pytest.mark.parametrize("name", SPEAKING)
def test_a_short_file_is_captioned_with_what_it_says(published: Published, name: str) -> None:
    files = published.files(name)

    heard = plain(files["transcript.txt"]).split()
    said = plain(media.SCRIPT).split()[: len(heard)]
    assert len(heard) >= SPEAKING[name]
    assert jiwer.wer(" ".join(said), " ".join(heard)) <= 0.34, heard
    (word, *_) = heard
    assert word in plain(files["captions.en.transcribed.srt"])
    assert files["captions.en.transcribed.vtt"].startswith("WEBVTT")


def test_the_clip_is_captioned_word_for_word(published: Published) -> None:
    heard = plain(published.files(CLIP)["transcript.txt"])

    assert jiwer.wer(plain(media.SCRIPT), heard) <= 0.03, heard


@pytest.mark.parametrize("name", SILENT)
def test_a_file_in_which_nobody_speaks_has_no_captions(published: Published, name: str) -> None:
    files = published.files(name)

    assert json.loads(files["transcript.json"])["words"] == []
    assert not [file for file in files if file.startswith("captions")]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_why_where_its_user_looks(published: Published, name: str) -> None:
    assert published.files(name) == {}
    assert BAD[name] in published.reelay("status", Path("films", name)).stdout


def test_results_are_exported_under_the_files_own_name(published: Published) -> None:
    done = published.reelay("export", Path("films", WITH_ODD_NAME), "--format", "srt", "--out", "out")

    stem = Path(WITH_ODD_NAME).stem
    assert done.returncode == 0, done.stderr
    srt = published.folder / "out" / stem / f"{stem}.en.srt"
    assert srt.read_text("utf-8") == published.files(WITH_ODD_NAME)["captions.en.transcribed.srt"]


def test_every_event_is_delivered_once_and_every_upload_ends_once(published: Published) -> None:
    runtime = published.committed(*(topic.name for topic in BY_THE_RUNTIME))
    times = Counter(record.header("ce_id") for record in runtime)
    assert {times[event] for event in times} == {1}

    ends = defaultdict(set)
    for record in published.committed(*(topic.name for topic in OUTCOMES)):
        assert record.key is not None
        ends[record.key.decode()].add((record.topic, record.value))
    assert ends.keys() == {f"{line['video_id']}:1" for line in published.told.values()}
    assert {len(outcome) for outcome in ends.values()} == {1}


def test_processors_join_by_kafkas_own_protocol_and_faust_by_the_classic(published: Published) -> None:
    admin = AdminClient(client_config(published.connections))
    groups = admin.list_consumer_groups().result(30).valid

    assert {group.group_id: group.type for group in groups if group.group_id in ALL} == {
        "converter": ConsumerGroupType.CONSUMER,
        "transcriber": ConsumerGroupType.CONSUMER,
        "enricher": ConsumerGroupType.CONSUMER,
        "aggregator": ConsumerGroupType.CLASSIC,
    }


def test_nothing_is_left_to_do_or_set_aside(published: Published) -> None:
    def idle() -> Any:
        status = json.loads(published.reelay("status", "--json").stdout)
        return status if not sum(group["lag"] for group in status["groups"]) else None

    assert until(idle, "no lag")["videos"] == []
    assert published.reelay("dead", "list", "--json").stdout == ""
