"""The transcriber as a stage: an event and stored audio in, an event and stored words out."""

import io
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from connectors.objectstore import FolderStore
from connectors.settings import Connections
from processors.runtime.contract import Cancelled, Failure, PoisonError
from processors.transcriber.processor import Transcriber, Wiring, stage
from processors.transcriber.settings import TranscriberSettings
from processors.transcriber.speech import SAMPLE_RATE, Samples
from schemas.events import (
    AudioSegmented,
    FailureKind,
    Options,
    SegmentTranscribed,
    StageFailed,
    Task,
)
from schemas.words import load_words, moved
from tests.integration.transcriber import sounds
from tests.models import base, tiny_en

SPEECH = Path(__file__).parent / "speech"


class Job:
    """A runtime that counts the progress it is told of, and cancels on request."""

    attempt = 1

    def __init__(self, *, cancelled: bool = False) -> None:
        self.cancelled = cancelled
        self.told = 0

    def progress(self, done: float, total: float | None, unit: str) -> None:
        self.told += 1

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled


class World:
    """An object store, and a transcriber on it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.store = FolderStore(folder)
        connections = Connections.only(kafka_brokers="127.0.0.1:1", store_url=folder.as_uri())
        self.wiring = Wiring(connections, TranscriberSettings(model=str(model)))
        self.transcriber = Transcriber(self.wiring)

    def video(self, *segments: Samples, options: Options) -> list[AudioSegmented]:
        """The events of a video whose audio comes in these segments; the first starts at 100 s."""
        events: list[AudioSegmented] = []
        start_s = 100.0
        for index, samples in enumerate(segments):
            flac = io.BytesIO()
            soundfile.write(flac, samples, SAMPLE_RATE, format="FLAC")
            end_s = start_s + len(samples) / SAMPLE_RATE
            event = AudioSegmented(
                video_id="lecture",
                index=index,
                start_s=start_s,
                end_s=end_s,
                audio_start_s=start_s,
                audio_end_s=end_s,
                audio=self.store.put(f"media/lecture/{index}.flac", flac.getvalue()),
                language_from=tuple(event.audio for event in events),
                options=options,
            )
            events.append(event)
            start_s = end_s
        return events

    def transcribed(self, event: AudioSegmented, job: Job | None = None) -> SegmentTranscribed:
        (made,) = self.transcriber.process(event, job or Job())
        assert isinstance(made, SegmentTranscribed)
        return made

    def languages(self, events: Sequence[AudioSegmented]) -> list[str]:
        return [self.transcribed(event).language for event in events]


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("english"), tiny_en().folder)


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("multilingual"), base().folder)


def spoken(language: str) -> Samples:
    samples, _ = soundfile.read(SPEECH / f"{language}.ogg", dtype="float32")
    return samples


def greeting() -> Samples:
    return sounds.english().samples[: 12 * SAMPLE_RATE]


def test_words_are_stored_relative_to_their_audio_and_sent_on_the_videos_timeline(
    english: World,
) -> None:
    (event,) = english.video(greeting(), options=Options())
    job = Job()

    made = english.transcribed(event, job)

    stored = english.store.get(made.artefact.key)
    assert made.artefact.key.startswith("media/")
    assert made.artefact.size_bytes == len(stored)
    assert made.words == tuple(moved(word, 100.0) for word in load_words(stored).words)
    assert made.words[0].text == " Good"
    assert 100 < made.words[0].start_s < made.words[-1].end_s <= event.end_s
    assert (made.language, made.language_probability) == ("en", 1.0)
    assert made.model.digest == tiny_en().digest
    assert job.told >= 1


def test_a_redo_by_another_worker_is_a_look_up_that_makes_the_same_event(english: World) -> None:
    (event,) = english.video(greeting(), options=Options())
    made = english.transcribed(event)
    other = pickle.loads(pickle.dumps(stage(english.wiring.connections)))
    worker = other.make(english.wiring)

    again = Job()

    assert list(worker.process(event, again)) == [made]
    assert again.told == 0


def test_redone_without_look_ups_the_words_are_the_same(english: World) -> None:
    (event,) = english.video(greeting(), options=Options(reuse=False))

    job = Job()

    assert english.transcribed(event) == english.transcribed(event, job)
    assert job.told >= 1


def test_hotwords_and_task_have_words_of_their_own(english: World) -> None:
    options = (Options(), Options(hotwords="Reelay"), Options(task=Task.TRANSLATE))

    made = [english.transcribed(english.video(greeting(), options=each)[0]) for each in options]

    assert len({each.artefact.key for each in made}) == 3


def test_a_cancelled_video_ends_the_work(english: World) -> None:
    (event,) = english.video(greeting(), options=Options(reuse=False))

    with pytest.raises(Cancelled):
        list(english.transcriber.process(event, Job(cancelled=True)))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (Options(language="de"), "knows English only"),
        (Options(language="klingon"), "knows English only"),
        (Options(model="no-such-model"), "give a folder"),
    ],
)
def test_options_that_cannot_be_met_are_said_to_the_uploader(
    english: World, options: Options, reason: str
) -> None:
    (event,) = english.video(greeting(), options=options)

    (failed,) = english.transcriber.process(event, Job())

    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.kind, failed.index) == ("transcriber", FailureKind.FILE, 0)
    assert (failed.start_s, failed.end_s) == (event.start_s, event.end_s)
    assert reason in failed.reason


def test_audio_that_is_gone_or_damaged_is_never_tried_again(english: World) -> None:
    (event,) = english.video(greeting(), options=Options(reuse=False))
    gone = replace(event, audio=replace(event.audio, key="media/gone.flac"))
    damaged = replace(event, audio=english.store.put("media/damaged.flac", b"fLaC and then nothing"))

    for bad in (gone, damaged):
        with pytest.raises(PoisonError, match=bad.audio.key):
            list(english.transcriber.process(bad, Job()))


def test_giving_up_names_the_stretch_that_stays_without_words(english: World) -> None:
    (event,) = english.video(greeting(), options=Options())
    given_up = stage(english.wiring.connections).gave_up(event, Failure(FailureKind.CRASH, "killed", 0))

    assert isinstance(given_up, StageFailed)
    assert (given_up.kind, given_up.reason, given_up.end_s) == (FailureKind.CRASH, "killed", event.end_s)


def test_a_cancelled_video_ends_the_search_for_its_language(multilingual: World) -> None:
    (event,) = multilingual.video(sounds.music(5), options=Options())
    before = set(multilingual.store.keys(""))

    with pytest.raises(Cancelled):
        list(multilingual.transcriber.process(event, Job(cancelled=True)))
    assert set(multilingual.store.keys("")) == before


@pytest.mark.parametrize("language", ["de", "fr", "es", "it"])
def test_the_language_is_detected(multilingual: World, language: str) -> None:
    (event,) = multilingual.video(spoken(language), options=Options())

    made = multilingual.transcribed(event)

    assert made.language == language
    assert made.language_probability >= 0.6
    assert len(made.words) >= 25


def test_a_minute_of_music_first_does_not_hide_the_language(multilingual: World) -> None:
    events = multilingual.video(sounds.music(60), spoken("de"), options=Options())

    made = [multilingual.transcribed(event) for event in events]

    assert [(segment.language, bool(segment.words)) for segment in made] == [
        ("und", False),
        ("de", True),
    ]


def test_music_and_speech_in_one_segment_is_in_the_language_of_the_speech(multilingual: World) -> None:
    (event,) = multilingual.video(np.concatenate([sounds.music(30), spoken("es")]), options=Options())

    assert multilingual.transcribed(event).language == "es"


def test_a_foreign_sentence_in_the_middle_does_not_switch_the_language_whoever_is_asked_first(
    multilingual: World,
) -> None:
    segments = (spoken("de"), greeting(), spoken("de"))
    events = multilingual.video(*segments, options=Options())

    assert multilingual.languages(events[::-1]) == ["de", "de", "de"]


def test_short_first_segments_agree_since_all_are_told_of_the_whole_opening(
    multilingual: World,
) -> None:
    german = spoken("de")
    segments = np.split(german, [3 * SAMPLE_RATE, 7 * SAMPLE_RATE])
    events = multilingual.video(*segments, options=Options())
    opening = tuple(event.audio for event in events)

    made = [
        multilingual.transcribed(replace(event, language_from=opening)) for event in reversed(events)
    ]

    assert {(each.language, each.language_probability) for each in made} == {
        ("de", made[0].language_probability)
    }


def test_mixed_decides_for_each_segment(multilingual: World) -> None:
    events = multilingual.video(spoken("de"), greeting(), options=Options(language="mixed"))

    assert multilingual.languages(events) == ["de", "en"]


def test_a_declared_language_is_not_questioned(multilingual: World) -> None:
    (event,) = multilingual.video(spoken("de"), options=Options(language="de-CH"))

    made = multilingual.transcribed(event)

    assert (made.language, made.language_probability) == ("de", 1.0)


def test_a_translation_is_english(multilingual: World) -> None:
    (event,) = multilingual.video(spoken("de"), options=Options(task=Task.TRANSLATE))

    made = multilingual.transcribed(event)

    assert (made.language, made.task) == ("en", Task.TRANSLATE)
    assert "history" in "".join(word.text for word in made.words)
