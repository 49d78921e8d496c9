"""Trying dead letters again.

A letter goes to its group's own retry topic, so that nobody else reads it a second time. Once its
revision has an outcome that would change nothing: then the same upload begins anew, as the video's next
revision, which answers all dead letters of the old one. Either way a mark is left beside the letter,
after the deed: a crash in between costs a repetition, whose events have the same ids.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.kafka.clients import TopicMissing, open_producer, partitions_of
from connectors.kafka.records import Outgoing
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import VideoWasDeleted, is_deleted, next_revision
from connectors.objectstore.wishes import revisions_of
from connectors.settings import Connections
from ops.dead.letters import Letter, decoded, whose
from processors.runtime.handover import to_mark, to_redrive
from processors.runtime.unwanted import VideoKey
from schemas.codec import Codec, UndecodableError
from schemas.events import VideoCancelled, VideoUploaded
from schemas.outcomes import cancel_key, load_outcome, outcome_key
from schemas.topics import RETRYING, retry_topic
from schemas.uploads import load_upload, upload_key

_TIMEOUT_MS = 10_000
_FLUSH_S = 30.0

_DELETED = "its video was deleted, which is for ever"
_CANCELLED = "its revision was cancelled; publish the video again if it is wanted after all"


@dataclass(frozen=True, slots=True)
class Retry:
    """The letter goes to this retry topic. unreadable: its bytes are no event, so it will most likely
    be given up again."""

    letter: Letter
    topic: str
    unreadable: bool


@dataclass(frozen=True, slots=True)
class Anew:
    """The upload of the letter's revision, which has its outcome, begins anew as another revision."""

    letter: Letter
    upload: VideoUploaded


@dataclass(frozen=True, slots=True)
class Refused:
    """The letter can't be redriven, and why."""

    letter: Letter
    reason: str


Plan = Retry | Anew | Refused


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a letter. went_to: the retry topic, or the new revision as `video/revision`."""

    letter: Letter
    went_to: str
    unreadable: bool = False


def plan(letter: Letter, store: ObjectStore, codec: Codec) -> Plan:
    """What redriving a letter would do, by what the store says now. Raises DependencyDown."""
    if letter.burial.left_out_bytes is not None:
        lies_in = letter.burial.origin or "its topic"
        return Refused(letter, f"its record was too large to be copied; it lies in {lies_in}")
    try:
        event = decoded(letter, codec)
    except UndecodableError:
        event = None
    video = whose(letter, codec)
    decided = False
    if video is not None and video.revision is not None:
        try:
            refusal = _unwanted(video.video_id, video.revision, store)
            decided = _found(store, outcome_key(video.video_id, video.revision)) is not None
        except ValueError as error:  # no plain name
            return Refused(letter, str(error))
        if refusal is not None:
            return Refused(letter, refusal)
    if decided:
        assert video is not None
        assert video.revision is not None
        upload = event if isinstance(event, VideoUploaded) else None
        return _anew(letter, video.video_id, video.revision, upload, store)
    if letter.topic not in RETRYING.get(letter.group, ()):
        return Refused(letter, _without_retries(letter, video))
    return Retry(letter, retry_topic(letter.topic.name, letter.group), unreadable=event is None)


def redrive(
    plans: Iterable[Retry | Anew],
    letters: Sequence[Letter],
    connections: Connections,
    *,
    store: ObjectStore,
    codec: Codec,
    announce: Callable[[VideoUploaded], None],
) -> Iterator[Redriven | Refused]:
    """Carry the plans out, in their order; yields what became of each letter.

    letters: all there are; those of a revision that begins anew are marked with it. announce: has the
    pipeline see an upload that is in the store.

    Raises KafkaException, DependencyDown; what was yielded is done.
    """
    producer = open_producer(connections, message_timeout_ms=_TIMEOUT_MS)
    begun: dict[VideoKey, str] = {}
    for planned in plans:
        letter = planned.letter
        try:
            if isinstance(planned, Retry):
                went_to = planned.topic
                partitions_of(producer, went_to)
                _write(producer, to_redrive(letter.record, letter.topic.name, letter.group))
            else:
                old = VideoKey(planned.upload.video_id, planned.upload.revision)
                if old not in begun:
                    begun[old] = _begin(planned.upload, store, announce)
                    for other in letters:
                        if other is not letter and _asks_for(other, old, codec):
                            _mark(producer, other, begun[old])
                went_to = begun[old]
        except TopicMissing as error:
            yield Refused(letter, f"{error}: run reelay topics apply")
        except VideoWasDeleted:
            yield Refused(letter, _DELETED)
        else:
            _mark(producer, letter, went_to)
            yield Redriven(letter, went_to, isinstance(planned, Retry) and planned.unreadable)


def _begin(upload: VideoUploaded, store: ObjectStore, announce: Callable[[VideoUploaded], None]) -> str:
    """Begin the upload anew; gives the new revision. Raises VideoWasDeleted, and as `redrive`."""
    again = _begun(store, upload) or next_revision(store, upload)
    announce(again)
    return f"{again.video_id}/{again.revision}"


def _asks_for(letter: Letter, revision: VideoKey, codec: Codec) -> bool:
    """Whether a letter that nobody redrove is of that revision."""
    return letter.redriven_as is None and whose(letter, codec) == revision


def _unwanted(video_id: str, revision: int, store: ObjectStore) -> str | None:
    """Why nobody wants the work any more, if so. Raises ValueError if the id is no plain name."""
    if is_deleted(store, video_id):
        return _DELETED
    if _found(store, cancel_key(video_id, revision)) is not None:
        return _CANCELLED
    outcome = _found(store, outcome_key(video_id, revision))
    if outcome is not None and isinstance(load_outcome(outcome), VideoCancelled):
        return _CANCELLED
    return None


def _anew(
    letter: Letter, video_id: str, revision: int, upload: VideoUploaded | None, store: ObjectStore
) -> Plan:
    """The plan for a letter whose revision has its outcome. upload: if it is the letter itself."""
    stored = _found(store, upload_key(video_id, revision))
    if stored is not None:
        try:
            upload = load_upload(stored)
        except ValueError:
            stored = None
    if upload is None:
        what = f"{video_id}/{revision} has its outcome, and its upload is not in the store"
        return Refused(letter, f"{what}: publish the video again")
    return Anew(letter, upload)


def _begun(store: ObjectStore, upload: VideoUploaded) -> VideoUploaded | None:
    """A later revision that asks for the same and has no outcome yet: begun before, and perhaps not
    announced, should the program have died just then."""
    for number, names in revisions_of(store, upload.video_id):
        over = "outcome.json" in names or "cancel.json" in names
        if number <= upload.revision or over or "upload.json" not in names:
            continue
        try:
            later = load_upload(store.get(upload_key(upload.video_id, number)))
        except (ObjectMissing, ValueError):
            continue
        if (later.source, later.options, later.wanted) == (upload.source, upload.options, upload.wanted):
            return later
    return None


def _without_retries(letter: Letter, video: VideoKey | None) -> str:
    """Why a letter of a group without retries waits, and for what."""
    why = f"the {letter.group} has no retries"
    if video is None:
        return f"{why}, and which video it is about can't be told"
    return (
        f"{why}; once {video.video_id}/{video.revision} has its outcome, redriving begins a new revision"
    )


def _mark(producer: Producer, letter: Letter, went_to: str) -> None:
    _write(producer, to_mark(letter.record, went_to), partition=letter.record.partition)


def _write(producer: Producer, record: Outgoing, *, partition: int = -1) -> None:
    """Write a record and wait until the broker has it; -1: its key decides the partition."""
    failed: list[KafkaException] = []
    producer.produce(
        record.topic,
        value=record.value,
        key=record.key,
        partition=partition,
        headers=list(record.headers),
        on_delivery=lambda error, _: failed.append(KafkaException(error)) if error else None,
    )
    if producer.flush(_FLUSH_S):
        raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
    if failed:
        raise failed[0]


def _found(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.get(key)
    except ObjectMissing:
        return None
