"""What became of a video: each of its revisions, with its files or what is done for it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from connectors.errors import DependencyDown
from connectors.objectstore.revisions import OutcomeUnreadable, find_outcome
from connectors.objectstore.wishes import revisions_of, wishes_of
from ops.cli.place import Cluster, Place, ThisMachine
from ops.cli.status_of_cluster import in_words
from ops.cli.status_of_up import how_far
from ops.cli.text import clock, counted, shown
from ops.cli.up import outcome_word
from ops.cli.videos import uploads_of
from ops.inflight.videos import VideoInFlight, videos_in_flight
from ops.up.status import VideoStatus, read_status
from schemas.codec import to_record
from schemas.events import VideoCompleted, VideoFailed


def record(place: Place, video_id: str) -> dict[str, Any]:
    """All that is known about the video, as plain data."""
    store = place.store
    at_work = _at_work(place, video_id)
    revisions = []
    name = source = ""
    cancelled = {number for number, names in revisions_of(store, video_id) if "cancel.json" in names}
    for upload in uploads_of(store, video_id):
        name, source = upload.name, upload.source
        found: dict[str, Any] = {
            "revision": upload.revision,
            "accepted_at": upload.made_at.isoformat(),
            "options": to_record(upload.options),
            "outcome": None,
            "is_cancel_requested": upload.revision in cancelled,
        }
        revisions.append(found)
        try:
            outcome = find_outcome(store, upload)
        except OutcomeUnreadable as error:
            found |= {"outcome": "unreadable", "reason": str(error)}
            continue
        running = at_work.get(upload.revision)
        if outcome is None:
            found |= {"at_work": None if running is None else _plain(running)}
        else:
            found |= {"outcome": outcome_word(outcome), "decided_at": outcome.made_at.isoformat()}
        if isinstance(outcome, VideoCompleted):
            found |= {
                "language": outcome.language,
                "duration_s": outcome.duration_s,
                "words": outcome.word_count,
                "gaps": to_record(outcome.gaps),
                "warnings": list(outcome.warnings),
                "files": [place.locate(file.key) for file in outcome.files],
            }
        elif isinstance(outcome, VideoFailed):
            found |= {"reason": outcome.reason}
    completed = [found["revision"] for found in revisions if found["outcome"] == "completed"]
    return {
        "video_id": video_id,
        "name": name,
        "source": source,
        "shown_revision": max(completed, default=None),
        "revisions": revisions,
    }


def _at_work(place: Place, video_id: str) -> Mapping[int, VideoStatus | VideoInFlight]:
    """What is done for the unfinished revisions, by their numbers."""
    found: tuple[VideoStatus | VideoInFlight, ...] = ()
    if isinstance(place, Cluster):
        try:
            found = videos_in_flight(wishes_of(place.store, video_id), place.connections, place.codec)
        except DependencyDown as error:  # the store still knows the rest
            click.echo(f"! {error.dependency} is down: {shown(error.reason)}", err=True)
    elif isinstance(place, ThisMachine) and (status := read_status(place.state)):
        found = status.videos
    return {video.revision: video for video in found if video.video_id == video_id}


def _plain(video: VideoStatus | VideoInFlight) -> dict[str, Any]:
    times = {name: v.isoformat() for name, v in asdict(video).items() if isinstance(v, datetime)}
    return asdict(video) | times | {"in_words": _in_words(video)}


def _in_words(video: VideoStatus | VideoInFlight) -> str:
    return how_far(video) if isinstance(video, VideoStatus) else in_words(video)


def lines(video: dict[str, Any]) -> Iterator[str]:
    """The same for people. video: as `record` gives it."""
    yield f"{shown(video['name'] or video['video_id'])}  {shown(video['video_id'])}"
    for record in video["revisions"]:
        facts = [f"revision {record['revision']}", record["outcome"] or _unfinished(record)]
        if record["outcome"] == "completed":
            facts += [clock(record["duration_s"]), counted(record["words"], "word"), record["language"]]
        when = datetime.fromisoformat(record.get("decided_at") or record["accepted_at"])
        facts.append(f"{when.astimezone():%Y-%m-%d %H:%M}")
        yield f"  {' · '.join(facts)}"
        if "reason" in record:
            yield f"    ✗ {shown(record['reason'])}"
        for gap in record.get("gaps", ()):
            stretch = f"from {clock(gap['start_s'])} to {clock(gap['end_s'])}"
            yield f"    ! no words {stretch}: {shown(gap['reason'])}"
        for warning in record.get("warnings", ()):
            yield f"    ! {shown(warning)}"
        for file in record.get("files", ()):
            yield f"    {shown(file)}"


def _unfinished(revision: dict[str, Any]) -> str:
    if revision["is_cancel_requested"]:
        return "to be cancelled"
    return revision["at_work"]["in_words"] if revision["at_work"] else "waiting"
