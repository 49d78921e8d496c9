"""The converter's work on one upload."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from connectors.errors import TransientError
from connectors.objectstore import ObjectMissing, ObjectStore
from processors.converter.cut import pieces
from processors.converter.decode import decoding
from processors.converter.faults import Unusable, clock
from processors.converter.opening import with_opening
from processors.converter.place import RATE_HZ, Samples
from processors.converter.probe import Facts, Sound, chosen, has_data_at, other_tracks, probe
from processors.converter.segments import stored
from processors.converter.settings import ConverterSettings
from processors.converter.source import local_file, shown_name
from processors.runtime.contract import Job, PoisonError
from schemas.events import (
    AudioSegmented,
    Event,
    FailureKind,
    StageFailed,
    VideoConverted,
    VideoProbed,
    VideoUploaded,
)
from schemas.outcomes import MAX_REVISION, check_video_id
from schemas.uploads import dump_upload, load_upload, upload_key

_SHORTFALL_S = 1.0
_SHORTFALL_RATIO = 0.01
"""Sound that falls short of the declared duration by no more than this is complete: containers round."""

_log = logging.getLogger(__name__)


class Converter:
    """Probes an upload, decodes its sound and stores it in segments.

    Yields VideoProbed, an AudioSegmented for each segment while ffmpeg is still running, VideoConverted;
    or, as the last event, StageFailed for what is the file's own fault.
    """

    def __init__(
        self, store: ObjectStore, local_roots: tuple[Path, ...], settings: ConverterSettings
    ) -> None:
        self._store = store
        self._local_roots = local_roots
        self._settings = settings

    def process(self, event: VideoUploaded, job: Job) -> Generator[Event]:
        upload = self._claimed(event)
        segments, reached_s = 0, 0.0
        try:
            with closing(self._converted(upload, job)) as converted:
                for made in converted:
                    yield made
                    if isinstance(made, AudioSegmented):
                        segments, reached_s = segments + 1, made.end_s
        except Unusable as fault:
            yield StageFailed(
                video_id=upload.video_id,
                revision=upload.revision,
                stage="converter",
                start_s=reached_s,
                kind=FailureKind.FILE,
                reason=str(fault),
                segments_out=segments,
            )

    def _claimed(self, event: VideoUploaded) -> VideoUploaded:
        """The upload that owns this revision's number: this one, unless another was first.

        Whoever repeats a number gets the first upload's events again, with the first one's ids, instead
        of a result mixed of two files.
        """
        _validate(event)
        key = upload_key(event.video_id, event.revision)
        if self._store.put_if_absent(key, dump_upload(event)):
            return event
        try:
            first = load_upload(self._store.get(key))
        except ObjectMissing as error:
            raise TransientError(f"{key} was deleted meanwhile") from error
        except ValueError as error:
            raise PoisonError(f"{key}: {error}") from error
        if _asked(first) != _asked(event):
            _log.warning("%s revision %d is taken by another upload", event.video_id, event.revision)
        return first

    def _converted(self, upload: VideoUploaded, job: Job) -> Generator[Event]:
        with local_file(upload.source, self._store, self._local_roots) as path:
            facts = probe(path, self._settings, while_waiting=job.check)
            sound = chosen(facts, upload.options.audio_track)
            yield _probed(upload, facts, sound)
            if sound is None:
                warning = "The video has no sound, so there is nothing to caption."
                yield _summed_up(upload, facts, has_audio=False, warnings=(warning,))
            else:
                yield from self._segmented(upload, path, facts, sound, job)

    def _segmented(
        self, upload: VideoUploaded, path: Path, facts: Facts, sound: Sound, job: Job
    ) -> Iterator[Event]:
        segments, end_s = 0, 0.0
        with decoding(path, facts, sound, self._settings, while_waiting=job.check) as decoded:
            for segment in with_opening(self._stored(upload, _reported(decoded.samples, facts, job))):
                yield segment
                segments, end_s = segments + 1, segment.end_s
            damaged = decoded.damaged
            if segments == 0 and (reason := decoded.no_sound_reason(sound)) is not None:
                raise Unusable(reason)
        warnings = self._warnings(path, facts, end_s, damaged=damaged, job=job)
        if upload.options.audio_track is None and (others := other_tracks(facts, sound)) is not None:
            warnings = (*warnings, others)
        yield _summed_up(
            upload,
            facts,
            segments=segments,
            decoded_s=end_s,
            has_audio=True,
            warnings=warnings,
        )

    def _stored(self, upload: VideoUploaded, samples: Iterator[Samples]) -> Iterator[AudioSegmented]:
        """The sound in pieces, each stored before it is told of."""
        for index, piece in enumerate(pieces(samples)):
            yield AudioSegmented(
                video_id=upload.video_id,
                revision=upload.revision,
                index=index,
                start_s=piece.start / RATE_HZ,
                end_s=piece.end / RATE_HZ,
                audio_start_s=piece.audio_start / RATE_HZ,
                audio_end_s=piece.audio_end / RATE_HZ,
                audio=stored(piece.samples, self._store, reuse=upload.options.reuse),
                language_from=(),
                options=upload.options,
            )

    def _warnings(
        self, path: Path, facts: Facts, decoded_s: float, *, damaged: bool, job: Job
    ) -> tuple[str, ...]:
        """What is wrong with a file that was converted all the same. ffmpeg's exit status does not tell:
        it is 0 for a file that was cut off."""
        ends = f"The file ends at {clock(decoded_s)}"
        if decoded_s == 0:
            return ("The audio track is empty, so there is nothing to caption.",)
        if facts.missing_bytes:
            return (f"{ends}, {facts.missing_bytes} bytes before it should: it is incomplete.",)
        if facts.duration_s is not None and self._cut_short(
            path, facts.duration_s, decoded_s, facts, job
        ):
            return (f"{ends} though it declares {clock(facts.duration_s)}: it is incomplete.",)
        if damaged and facts.duration_s is None:
            return (f"{ends} and is damaged or incomplete; words may be missing.",)
        if damaged:
            return ("Parts of the sound are damaged; words there may be missing.",)
        return ()

    def _cut_short(
        self, path: Path, declared_s: float, decoded_s: float, facts: Facts, job: Job
    ) -> bool:
        """Whether the file ends before it declares to, and not only its sound."""
        due_s = declared_s - max(_SHORTFALL_S, _SHORTFALL_RATIO * declared_s)
        return decoded_s < due_s and not has_data_at(
            path, due_s, facts, self._settings, while_waiting=job.check
        )


def _asked(upload: VideoUploaded) -> tuple[object, ...]:
    """What two uploads of one number have to agree on."""
    return upload.source, upload.options, upload.wanted, upload.corrected


def _validate(event: VideoUploaded) -> None:
    """Refuse what can't be a place in the object store. Raises PoisonError."""
    try:
        check_video_id(event.video_id)
    except ValueError as error:
        raise PoisonError(str(error)) from error
    if not 1 <= event.revision <= MAX_REVISION:
        raise PoisonError(f"revision {event.revision}: expected 1 to {MAX_REVISION}")


def _reported(samples: Iterator[Samples], facts: Facts, job: Job) -> Iterator[Samples]:
    """The samples, with the job told how far they have got."""
    decoded = 0
    for chunk in samples:
        job.check()
        decoded += len(chunk)
        job.progress(decoded / RATE_HZ, facts.duration_s, "s")
        yield chunk


def _probed(upload: VideoUploaded, facts: Facts, sound: Sound | None) -> VideoProbed:
    return VideoProbed(
        video_id=upload.video_id,
        revision=upload.revision,
        source=upload.source,
        name=shown_name(upload),
        size_bytes=facts.size_bytes,
        container=facts.container,
        duration_s=facts.duration_s,
        start_time_s=facts.start_time_s,
        audio_tracks=tuple(each.track for each in facts.sounds),
        video_tracks=facts.video_tracks,
        audio_track=None if sound is None else sound.track.track,
        options=upload.options,
        wanted=upload.wanted,
        corrected=upload.corrected,
    )


def _summed_up(
    upload: VideoUploaded,
    facts: Facts,
    *,
    segments: int = 0,
    decoded_s: float = 0.0,
    has_audio: bool,
    warnings: tuple[str, ...],
) -> VideoConverted:
    return VideoConverted(
        video_id=upload.video_id,
        revision=upload.revision,
        segments=segments,
        duration_s=decoded_s,
        declared_duration_s=facts.duration_s,
        has_audio=has_audio,
        warnings=warnings,
    )
