"""`reelay status`: what is in the works, and what became of a video."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from connectors.objectstore import FolderStore, ObjectMissing, ObjectStore
from ops.cli.errors import one_line
from ops.cli.text import clock, counted, plain, shown
from ops.cli.up import outcome_word
from ops.cli.videos import find_video
from ops.pipeline.revisions import find_outcome
from ops.pipeline.state import StateFolder, state_folder
from ops.up.lock import is_held
from ops.up.status import STALE_S, Status, VideoStatus, read_status
from ops.up.wishes import all_wishes, revisions_of
from schemas.codec import to_record
from schemas.events import VideoCompleted, VideoFailed
from schemas.uploads import load_upload, upload_key

_ROWS = 20


@click.command("status")
@click.argument("video", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(video: str | None, as_json: bool) -> int:
    """Show how `reelay up` is and what it works on; for VIDEO, an id or a file, what became of it.

    \b
    Examples:
      reelay status
      reelay status talk.mp4 --json | jq .revisions[-1].outcome
    """
    state = state_folder(os.environ)
    with one_line():
        store = FolderStore(state.store)
        if video is not None:
            record = _video(state, store, find_video(store, video))
            click.echo(json.dumps(record, indent=2) if as_json else "\n".join(_video_lines(record)))
            return 0
        status = read_status(state)
        if as_json:
            running = status is not None or is_held(state.lock)
            unfinished = None if running else len(all_wishes(store).uploads)
            record = {"running": running, "unfinished": unfinished}
            record |= {} if status is None else asdict(status)
            click.echo(json.dumps(record, indent=2))
        elif status is None:
            click.echo("\n".join(_nobody(state, store)))
        else:
            click.echo("\n".join(_overview(status)))
    return 0


def _nobody(state: StateFolder, store: ObjectStore) -> Iterator[str]:
    if is_held(state.lock):
        yield "reelay up is starting."
        return
    unfinished = len(all_wishes(store).uploads)
    waiting = f" {counted(unfinished, 'upload')} {'waits' if unfinished == 1 else 'wait'} for it."
    yield f"reelay up is not running.{waiting if unfinished else ''}"


def _overview(status: Status) -> Iterator[str]:
    since = clock(time.time() - status.began)
    workers = counted(status.workers, "worker")
    yield f"reelay up runs (pid {status.pid}, for {since}) with {shown(status.model)}, {workers}"
    if status.age_s > STALE_S:
        yield f"! it has said nothing for {clock(status.age_s)}"
    if status.trouble:
        yield f"! waiting: {shown(status.trouble)}"
    for process in status.processes:
        if process.pause_s is not None:
            why = shown(process.ended or "stopped")
            yield f"! {process.name} {why}; it starts again in {process.pause_s:.0f} s"
    if status.fresh_starts:
        yield f"started afresh {counted(status.fresh_starts, 'time')}: the broker was lost"
    rows = status.videos[:_ROWS]
    width = max((len(shown(_name(video))) for video in rows), default=0)
    for video in rows:
        yield f"  {shown(_name(video)):<{width}}  {_how_far(video)}"
    more = status.at_work + status.waiting - len(rows)
    if more > 0:
        yield f"  and {counted(more, 'more video')}"
    if not rows:
        yield "  nothing to do"
    counts = {
        "completed": status.completed,
        "failed": status.failed,
        "cancelled": status.cancelled,
    }
    if any(counts.values()):
        yield "  ".join(f"{number:,} {word}" for word, number in counts.items() if number)


def _name(video: VideoStatus) -> str:
    return video.name or video.video_id


def _how_far(video: VideoStatus) -> str:
    parts = [video.stage]
    if video.total:
        more = "+" if video.more_segments_come else ""
        parts.append(
            f"{video.done} of {video.total}{more} {'segment' if video.total == 1 else 'segments'}"
        )
    if video.age_s is not None:
        parts.append(clock(video.age_s))
    return " · ".join(parts)


def _video(state: StateFolder, store: ObjectStore, video_id: str) -> dict[str, Any]:
    status = read_status(state)
    at_work = {(v.video_id, v.revision): v for v in (status.videos if status else ())}
    revisions = []
    name = source = ""
    for number, names in revisions_of(store, video_id):
        try:
            upload = load_upload(store.get(upload_key(video_id, number)))
        except (ObjectMissing, ValueError):
            continue
        name, source = upload.name, upload.source
        outcome = find_outcome(store, upload)
        record: dict[str, Any] = {
            "revision": number,
            "accepted_at": upload.made_at.isoformat(),
            "options": to_record(upload.options),
            "outcome": None if outcome is None else outcome_word(outcome),
            "is_cancel_requested": "cancel.json" in names,
        }
        running = at_work.get((video_id, number))
        if outcome is None:
            record |= {"at_work": None if running is None else asdict(running)}
        else:
            record |= {"decided_at": outcome.made_at.isoformat()}
        if isinstance(outcome, VideoCompleted):
            record |= {
                "language": outcome.language,
                "duration_s": outcome.duration_s,
                "words": outcome.word_count,
                "gaps": to_record(outcome.gaps),
                "warnings": list(outcome.warnings),
                "files": [plain(state.store / file.key) for file in outcome.files],
            }
        elif isinstance(outcome, VideoFailed):
            record |= {"reason": outcome.reason}
        revisions.append(record)
    return {"video_id": video_id, "name": name, "source": source, "revisions": revisions}


def _video_lines(video: dict[str, Any]) -> Iterator[str]:
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
            yield f"    {shown(os.fspath(Path(file)))}"


def _unfinished(record: dict[str, Any]) -> str:
    if record["is_cancel_requested"]:
        return "to be cancelled"
    return "waiting" if record["at_work"] is None else _how_far(VideoStatus(**record["at_work"]))
