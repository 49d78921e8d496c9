"""Which video a user means, and waiting for what becomes of it."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from connectors.kafka.broadcast import BroadcastReader
from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import OutcomeUnreadable, find_outcome, is_deleted, upload_of
from connectors.objectstore.wishes import revisions_of, wishes_of
from ops.cli.patience import Patience
from ops.cli.place import Cluster, Place
from ops.cli.text import counted, shown
from ops.inflight.videos import videos_in_flight
from ops.pipeline.files import MediaFile, identify
from schemas.codec import UndecodableError
from schemas.events import VideoCancelled, VideoCompleted, VideoFailed, VideoUploaded
from schemas.outcomes import Outcome, uploads_prefix
from schemas.topics import OUTCOMES, topic_named

_TICK_S = 0.3
_LATELY = timedelta(seconds=30)


def find_video(store: ObjectStore, named: str, *, half_deleted: bool = False) -> str:
    """The id of the video that is named by its id or by its file.

    half_deleted: a video that is being deleted counts, too, as long as anything is left of it. Raises
    ClickException.
    """
    candidates = [named]
    file = identify(Path(named))
    if isinstance(file, MediaFile):
        candidates.append(file.video_id)
    for video_id in candidates:
        try:
            if is_deleted(store, video_id) and not (half_deleted and is_left(store, video_id)):
                raise click.ClickException(f"{named}: the video was deleted")
            if is_left(store, video_id):
                return video_id
        except ValueError:  # a path is no id
            continue
    raise click.ClickException(f"{named}: there is no such video")


def is_left(store: ObjectStore, video_id: str) -> bool:
    """Whether the store has anything of the video. Raises ValueError as `revisions_of`."""
    return any(revisions_of(store, video_id)) or any(store.keys(uploads_prefix(video_id)))


def uploads_of(store: ObjectStore, video_id: str) -> Iterator[VideoUploaded]:
    """The video's revisions, ascending; one that cannot be read is passed over."""
    for number, names in revisions_of(store, video_id):
        if "upload.json" in names:
            try:
                yield upload_of(store, video_id, number)
            except (ObjectMissing, ValueError):
                continue


def with_outcomes(
    store: ObjectStore, uploads: Iterable[VideoUploaded]
) -> Iterator[tuple[VideoUploaded, Outcome | None]]:
    """Each upload with its outcome, None if it has none yet; one whose outcome cannot be read is passed
    over, and a line says so."""
    for upload in uploads:
        try:
            yield upload, find_outcome(store, upload)
        except OutcomeUnreadable as error:
            click.echo(f"! {shown(str(error))}", err=True)


def completed_of(store: ObjectStore, video_id: str) -> Iterator[tuple[VideoUploaded, VideoCompleted]]:
    """The video's completed revisions, latest first."""
    uploads = reversed(list(uploads_of(store, video_id)))
    for upload, outcome in with_outcomes(store, uploads):
        if isinstance(outcome, VideoCompleted):
            yield upload, outcome


def wait_for(place: Place, upload: VideoUploaded) -> Outcome | None:
    """A revision's outcome by the store, None if its video was deleted; blocks until there is one. Says
    so if nobody works on it."""
    warned = False
    patience = Patience(place, upload.name or upload.video_id, lambda: _is_heard_of(place, upload))
    while True:
        outcome = find_outcome(place.store, upload)
        if outcome is not None or is_deleted(place.store, upload.video_id):
            return outcome
        if not warned and (notice := place.notice()):
            click.echo(notice, err=True)
            warned = True
        patience.tick()
        time.sleep(_TICK_S)


def _is_heard_of(place: Place, upload: VideoUploaded) -> bool:
    """Whether a stage said something about the revision lately; that is known of a cluster only."""
    if not isinstance(place, Cluster):
        return True
    flying = videos_in_flight(wishes_of(place.store, upload.video_id), place.connections, place.codec)
    since = datetime.now(UTC) - _LATELY
    return all(
        video.heard_at is not None and video.heard_at > since
        for video in flying
        if video.revision == upload.revision
    )


def outcomes_told(
    cluster: Cluster, uploads: Iterable[VideoUploaded]
) -> Iterator[tuple[VideoUploaded, Outcome | None]]:
    """Each upload with its outcome by the cluster's topics, as they come; blocks until all have one.
    Says so if nobody works."""
    waiting = {(upload.video_id, upload.revision): upload for upload in uploads}
    keys = {f"{video_id}:{revision}".encode() for video_id, revision in waiting}
    patience = Patience(cluster, counted(len(waiting), "outcome"))
    with BroadcastReader(cluster.connections, [topic.name for topic in OUTCOMES]) as reader:
        while waiting:
            patience.tick()
            record = reader.poll(_TICK_S)
            if record is None or record.key not in keys or not record.value:
                continue
            try:
                event = cluster.codec.decode(record.value, topic_named(record.topic))
            except UndecodableError:
                continue
            found = waiting.pop((event.video_id, event.revision), None)
            if found is not None and isinstance(event, VideoCompleted | VideoFailed | VideoCancelled):
                yield found, event
