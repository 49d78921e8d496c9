"""The transcriber as a stage: one audio segment in, its words out. Words are stored content-addressed,
so a redo is a look-up and makes the same event."""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from connectors.objectstore import ObjectMissing, open_store
from connectors.objectstore.contract import probe as probe_store
from connectors.objectstore.contract import put_once
from connectors.settings import Connections
from processors.runtime.contract import Failure, Job, Lane, PoisonError, Stage
from processors.transcriber.languages import (
    MIXED,
    UNDETERMINED,
    Decision,
    Heard,
    UnknownLanguage,
    decide,
    declared,
    dump_heard,
    load_heard,
    tag,
)
from processors.transcriber.models import ModelMissing, resolve_model
from processors.transcriber.recogniser import RECIPE, Recogniser, engine
from processors.transcriber.settings import TranscriberSettings
from processors.transcriber.speech import SAMPLE_RATE, Samples
from schemas.events import (
    ArtefactRef,
    AudioSegmented,
    Event,
    FailureKind,
    Model,
    SegmentTranscribed,
    StageFailed,
    Task,
    Word,
)
from schemas.topics import AUDIO_SEGMENTED, AUDIO_SEGMENTED_BULK
from schemas.words import VERSION, SegmentWords, dump_words, load_words, moved

NAME = "transcriber"

_NOT_DECODING = {"model", "models_folder", "device", "compute_type", "cpu_threads"}
"""Settings that say where decoding happens, or that the key of the words has in another form."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """All that a worker process needs to make its processor."""

    connections: Connections
    transcriber: TranscriberSettings


def stage(connections: Connections) -> Stage:
    """The transcriber on these connections, with settings from the environment."""
    return Stage(
        name=NAME,
        lanes=(Lane(AUDIO_SEGMENTED, weight=4), Lane(AUDIO_SEGMENTED_BULK, weight=1)),
        make=Transcriber,
        settings=Wiring(connections, TranscriberSettings()),
        gave_up=gave_up,
        probe=probe,
    )


def gave_up(event: AudioSegmented, failure: Failure) -> StageFailed:
    """The stretch of the video that stays without words."""
    return StageFailed(
        video_id=event.video_id,
        revision=event.revision,
        stage=NAME,
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        kind=failure.kind,
        reason=failure.reason,
    )


def probe(wiring: Wiring) -> None:
    """Raise DependencyDown until the object store takes objects again."""
    probe_store(open_store(wiring.connections), NAME)


class Transcriber:
    """Holds one loaded model: the settings' own, or the last one that an upload asked for."""

    def __init__(self, wiring: Wiring) -> None:
        """Loads the settings' model. Raises ModelMissing if it is not on this machine."""
        self._store = open_store(wiring.connections)
        self._settings = wiring.transcriber
        self._recogniser = self._load(self._settings.model)

    def process(self, event: AudioSegmented, job: Job) -> Iterator[Event]:
        """Yields one SegmentTranscribed, or StageFailed where the upload's options cannot be met."""
        name = event.options.model or self._settings.model
        try:
            if name != self._recogniser.files.name:
                self._recogniser = self._load(name)
            decision = self._language(event, job)
        except (UnknownLanguage, ModelMissing) as error:
            yield gave_up(event, Failure(FailureKind.FILE, str(error), yields_out=0))
            return
        artefact = self._words(event, decision, job)
        yield _event(event, artefact, load_words(self._store.get(artefact.key)))

    def _load(self, name: str) -> Recogniser:
        return Recogniser(resolve_model(name, Path(self._settings.models_folder)), self._settings)

    def _language(self, event: AudioSegmented, job: Job) -> Decision:
        """The language to decode this segment in."""
        option = event.options.language
        if option is not None and option.lower() != MIXED:
            return Decision(declared(option, self._recogniser.languages), 1.0)
        if not self._recogniser.multilingual:
            return Decision("en", 1.0)
        earlier = event.language_from if option is None else ()
        earliest_first = dict.fromkeys((*earlier, event.audio))  # its own is often among them
        reuse = event.options.reuse
        return decide(
            window for audio in earliest_first for window in self._heard(audio, job, reuse=reuse)
        )

    def _heard(self, audio: ArtefactRef, job: Job, *, reuse: bool) -> tuple[Heard, ...]:
        """The languages heard in a segment: looked up, or found out and stored for the other workers."""
        key = f"media/{self._digest('languages', audio.sha256)}/languages.json"
        if not reuse or self._store.find(key) is None:
            job.check()  # where nobody speaks for long, each of many segments takes seconds
            put_once(self._store, key, dump_heard(self._recogniser.heard(self._samples(audio))))
        return load_heard(self._store.get(key))

    def _words(self, event: AudioSegmented, decision: Decision, job: Job) -> ArtefactRef:
        """The segment's words: looked up, or decoded and stored."""
        options = event.options
        files = self._recogniser.files
        asked = (decision.language, decision.probability, options.task, options.hotwords, files.name)
        key = f"media/{self._digest('words', event.audio.sha256, *asked)}/words.json"
        found = self._store.find(key) if options.reuse else None
        if found is not None:
            return found
        words: tuple[Word, ...] = ()
        if decision.language != UNDETERMINED:
            samples = self._samples(event.audio)
            length_s = len(samples) / SAMPLE_RATE

            def decoded(until_s: float) -> None:
                job.check()
                job.progress(until_s, length_s, "s")

            words = self._recogniser.words(
                samples, decision.language, options.task, options.hotwords, decoded
            )
        made = SegmentWords(
            language="en" if options.task is Task.TRANSLATE else tag(decision.language),
            language_probability=decision.probability,
            task=options.task,
            model=Model(
                name=files.name,
                digest=files.digest,
                engine=engine(),
                compute_type=self._recogniser.compute_type,
            ),
            words=words,
        )
        return put_once(self._store, key, dump_words(made))

    def _digest(self, *parts: str | float | None) -> str:
        """A content address: the digest of `parts` and of all else that decoding depends on."""
        how = (
            VERSION,
            RECIPE,
            engine(),
            self._recogniser.files.digest,
            self._recogniser.compute_type,
            self._settings.model_dump(exclude=_NOT_DECODING),
        )
        return hashlib.sha256(json.dumps([parts, how], sort_keys=True).encode()).hexdigest()

    def _samples(self, audio: ArtefactRef) -> Samples:
        """Raises PoisonError if the audio is gone or damaged."""
        import soundfile  # noqa: PLC0415  # only worker processes have use for it

        try:
            samples, rate = soundfile.read(io.BytesIO(self._store.get(audio.key)), dtype="float32")
        except ObjectMissing as error:
            raise PoisonError(f"audio {audio.key} is not in the object store") from error
        except soundfile.LibsndfileError as error:
            raise PoisonError(f"audio {audio.key}: {error}") from error
        if rate != SAMPLE_RATE or samples.ndim != 1:
            raise PoisonError(f"audio {audio.key}: expected mono at {SAMPLE_RATE} Hz, got {rate} Hz")
        return cast("Samples", samples)


def _event(event: AudioSegmented, artefact: ArtefactRef, found: SegmentWords) -> SegmentTranscribed:
    """The stored words on the video's timeline."""
    return SegmentTranscribed(
        video_id=event.video_id,
        revision=event.revision,
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        audio_start_s=event.audio_start_s,
        audio_end_s=event.audio_end_s,
        language=found.language,
        language_probability=found.language_probability,
        task=found.task,
        words=tuple(moved(word, event.audio_start_s) for word in found.words),
        artefact=artefact,
        model=found.model,
    )
