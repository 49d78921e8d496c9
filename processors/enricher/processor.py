"""Binds the enricher's domain to its topic."""

from collections.abc import Iterator

from connectors.settings import Connections
from processors.enricher.settings import EnricherSettings
from processors.runtime.contract import Failure, Job, Lane, Processor, Stage
from schemas.events import Event, SegmentEnriched, SegmentTranscribed, StageFailed
from schemas.topics import SEGMENT_TRANSCRIBED

NAME = "enricher"


def stage(connections: Connections) -> Stage:
    """The enricher. It needs no dependency but the broker, which the runtime holds."""
    return Stage(
        name=NAME,
        lanes=(Lane(SEGMENT_TRANSCRIBED),),
        make=_make,
        settings=EnricherSettings(),
        gave_up=_gave_up,
        probe=_nothing_to_probe,
    )


class Enricher:
    """Enriches one segment at a time."""

    def __init__(self, settings: EnricherSettings) -> None:
        self._settings = settings

    def process(self, event: SegmentTranscribed, job: Job) -> Iterator[Event]:
        """Yields one SegmentEnriched."""
        from processors.enricher.keywords import keywords  # noqa: PLC0415  # in the worker alone
        from processors.enricher.sentences import sentences  # noqa: PLC0415
        from processors.enricher.speech_rate import words_per_minute  # noqa: PLC0415

        found = sentences(event.words, event.language)
        yield SegmentEnriched(
            video_id=event.video_id,
            revision=event.revision,
            index=event.index,
            start_s=event.start_s,
            end_s=event.end_s,
            audio_start_s=event.audio_start_s,
            audio_end_s=event.audio_end_s,
            language=event.language,
            language_probability=event.language_probability,
            task=event.task,
            artefact=event.artefact,
            word_count=len(event.words),
            sentences=found,
            keywords=keywords((s.text for s in found), event.language, self._settings.keywords),
            speech_rate_wpm=words_per_minute(event.words),
            model=event.model,
        )


def _make(settings: EnricherSettings) -> Processor:
    return Enricher(settings)


def _gave_up(event: SegmentTranscribed, failure: Failure) -> Event:
    """Names the words that stay in the transcript, unenriched."""
    return StageFailed(
        video_id=event.video_id,
        revision=event.revision,
        stage=NAME,
        index=event.index,
        start_s=event.start_s,
        end_s=event.end_s,
        kind=failure.kind,
        reason=failure.reason,
        audio_start_s=event.audio_start_s,
        artefact=event.artefact,
    )


def _nothing_to_probe(settings: EnricherSettings) -> None:
    return
