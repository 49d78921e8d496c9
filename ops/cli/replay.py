"""`reelay replay`: a video done again with other options, beside the old result."""

import json
from dataclasses import dataclass, replace
from typing import Any

import click

from connectors.objectstore import ObjectMissing, ObjectStore
from connectors.objectstore.revisions import (
    DELETED,
    VideoWasDeleted,
    earlier_upload,
    find_outcome,
    next_revision,
)
from ops.cli import options as shared
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster_options
from ops.cli.place import Place, find_place
from ops.cli.side_by_side import as_record, side_by_side
from ops.cli.text import shown
from ops.cli.up import outcome_word
from ops.cli.videos import completed_of, find_video, uploads_of, wait_for
from ops.replay.compare import compare
from ops.replay.transcripts import StoredTranscript, load_transcript
from schemas.events import Options, Task, VideoCompleted, VideoFailed, VideoUploaded
from schemas.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class _Replay:
    """A revision that does a video again. old: the one whose result is shown until it is completed, None
    if there is none."""

    upload: VideoUploaded
    old: int | None


@click.command("replay")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@cluster_options(required=False)
@click.option(
    "--model",
    help="Whisper model: a name, or a folder on the transcriber's machine; '': the transcriber's own.",
)
@shared.LANGUAGE
@click.option(
    "--task", type=click.Choice([task.value for task in Task]), help="Transcribe or translate."
)
@click.option("--hotwords", callback=shared.hotwords, help="Names and terms to expect; '' for none.")
@click.option("--audio-track", type=shared.TRACK, help="Which audio track, counted from 0.")
@shared.FORCE
@click.option("--wait", is_flag=True, help="Wait until all are done; exit status 1 if one failed.")
@click.option(
    "--compare",
    "comparing",
    is_flag=True,
    help="Show the words that differ: of the old and the new result; without other options, of the two "
    "latest results, and nothing is done again.",
)
@click.option(
    "--revisions",
    nargs=2,
    type=click.IntRange(1),
    help="With --compare: these two, and nothing is done again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each video.")
def command(
    *,
    videos: tuple[str, ...],
    brokers: str | None,
    registry: str,
    model: str | None,
    language: str | None,
    task: str | None,
    hotwords: str | None,
    audio_track: int | None,
    force: bool,
    wait: bool,
    comparing: bool,
    revisions: tuple[int, int] | None,
    as_json: bool,
) -> int:
    """Do each VIDEO, an id or a file, once more, with its options as they were but for those given.

    It becomes a new revision; the old results stay. What the options do not touch is not done again:
    with another --model, the sound is looked up. `export` writes the latest result that is complete.
    If the command was cut off, give it again.

    \b
    Examples:
      reelay replay talk.mp4 --model medium --compare
      reelay replay talk.mp4 --compare --revisions 1 3
    """
    if revisions and not comparing:
        raise click.UsageError("--revisions is for --compare")
    asked = {
        "model": model,
        "language": language,
        "task": None if task is None else Task(task),
        "hotwords": hotwords,
        "audio_track": audio_track,
    }
    changed = {
        name: None if value == "" else value for name, value in asked.items() if value is not None
    }
    anew = bool(changed) or force or not comparing
    if revisions and (changed or force):
        raise click.UsageError("--revisions compares what is there: it takes no options of a replay")
    failed = False
    with one_line():
        place = find_place(brokers, registry)
        found = [(video, find_video(place.store, video)) for video in videos]
        if not anew:
            for video, video_id in found:
                old, new = revisions or _two_latest(place.store, video, video_id)
                _tell(place.store, video_id, (old, new), as_json=as_json)
            return 0
        place.reach()
        replays = [_begun(place, video, video_id, changed, force=force) for video, video_id in found]
        if not (wait or comparing):
            for begun in replays:
                click.echo(_line(begun, as_json=as_json))
            if notice := place.notice():
                click.echo(notice, err=True)
            return 0
        for begun in replays:
            outcome = wait_for(place, begun.upload)
            failed |= not isinstance(outcome, VideoCompleted)
            _ended(place, begun, outcome, comparing=comparing, as_json=as_json)
    return FAILED if failed else 0


def _begun(place: Place, video: str, video_id: str, changed: dict[str, Any], *, force: bool) -> _Replay:
    """The video's new revision, announced; one that this very command began before and that has no
    outcome is gone on with. Raises ClickException."""
    store = place.store
    completed = next(completed_of(store, video_id), None)
    base = completed[0] if completed else next(reversed(list(uploads_of(store, video_id))), None)
    if base is None:
        raise click.ClickException(f"{shown(video)}: there is nothing to do again; see reelay publish")
    options: Options = replace(base.options, reuse=True, **changed)
    try:
        upload = earlier_upload(store, video_id, options)
        if upload is None or force or find_outcome(store, upload) is not None:
            upload = next_revision(store, replace(base, options=replace(options, reuse=not force)))
    except VideoWasDeleted as error:
        raise click.ClickException(f"{shown(video)}: {DELETED}") from error
    place.announce(upload)
    return _Replay(upload, completed[0].revision if completed else None)


def _ended(
    place: Place, replay: _Replay, outcome: Outcome | None, *, comparing: bool, as_json: bool
) -> None:
    """Say what became of a replay."""
    name = shown(replay.upload.name or replay.upload.video_id)
    if isinstance(outcome, VideoCompleted) and comparing and replay.old is not None:
        pair = (replay.old, outcome.revision)
        _tell(place.store, outcome.video_id, pair, as_json=as_json)
        return
    if as_json:
        click.echo(_line(replay, as_json=True, outcome=outcome_word(outcome)))
    elif isinstance(outcome, VideoFailed):
        click.echo(f"✗ {name}: {shown(outcome.reason)}", err=True)
    else:
        mark = "✓" if isinstance(outcome, VideoCompleted) else "✗"
        alone = "; there is no older result to compare it with" if comparing else ""
        click.echo(f"{mark} {name}: {outcome_word(outcome)}{alone}", err=True)


def _two_latest(store: ObjectStore, video: str, video_id: str) -> tuple[int, int]:
    numbers = [upload.revision for upload, _ in completed_of(store, video_id)]
    if len(numbers) < 2:
        what = "no result" if not numbers else "one result"
        raise click.ClickException(f"{shown(video)}: it has {what}; give --model or another option")
    return numbers[1], numbers[0]


def _tell(store: ObjectStore, video_id: str, revisions: tuple[int, int], *, as_json: bool) -> None:
    """Show how two completed revisions differ. Raises ClickException if one is not there."""
    completed = {upload.revision: (upload, outcome) for upload, outcome in completed_of(store, video_id)}
    for number in revisions:
        if number not in completed:
            raise click.ClickException(f"{shown(video_id)}: revision {number} is not completed")
    old, new = (_transcript(store, completed[number][1]) for number in revisions)
    comparison = compare(old.words, new.words)
    upload = completed[revisions[1]][0]
    if as_json:
        click.echo(json.dumps(as_record(upload, old, new, comparison), ensure_ascii=False))
    else:
        for line in side_by_side(upload, old, new, comparison):
            click.echo(line)


def _transcript(store: ObjectStore, outcome: VideoCompleted) -> StoredTranscript:
    try:
        return load_transcript(store, outcome)
    except (ObjectMissing, ValueError) as error:
        what = f"the transcript of revision {outcome.revision} cannot be read"
        raise click.ClickException(f"{shown(outcome.video_id)}: {what}: {error}") from error


def _line(replay: _Replay, *, as_json: bool, outcome: str | None = None) -> str:
    upload = replay.upload
    if not as_json:
        return f"{shown(upload.video_id)} revision {upload.revision}"
    record = {"video_id": upload.video_id, "revision": upload.revision, "old_revision": replay.old}
    return json.dumps(record if outcome is None else record | {"outcome": outcome})
