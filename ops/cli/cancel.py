"""`reelay cancel`: no more work on a video."""

import os

import click

from connectors.objectstore import FolderStore, ObjectMissing, ObjectStore
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.text import shown
from ops.cli.up import outcome_word
from ops.cli.videos import NOT_RUNNING, find_video, wait_for
from ops.pipeline.revisions import find_outcome
from ops.pipeline.state import state_folder
from ops.up.lock import is_held
from ops.up.wishes import ask_to_cancel, revisions_of
from schemas.events import VideoCancelled, VideoUploaded
from schemas.uploads import load_upload, upload_key


@click.command("cancel")
@click.argument("video")
@click.option("--revision", type=click.IntRange(1), help="Which one.  [default: all unfinished ones]")
@click.option("--wait", is_flag=True, help="Wait until it is cancelled.")
def command(video: str, revision: int | None, wait: bool) -> int:
    """Stop work on VIDEO, an id or a file. It can be published again later.

    \b
    Example:
      reelay cancel talk.mp4
    """
    state = state_folder(os.environ)
    with one_line():
        store = FolderStore(state.store)
        video_id = find_video(store, video)
        uploads = _uploads(store, video_id, revision)
        unfinished = [upload for upload in uploads if find_outcome(store, upload) is None]
        if not unfinished:
            ended = find_outcome(store, uploads[-1]) if uploads else None
            what = f"it is {outcome_word(ended)} already" if ended else "there is no such revision"
            click.echo(f"{shown(video)}: {what}", err=True)
            return FAILED
        for upload in unfinished:
            ask_to_cancel(store, video_id, upload.revision)
        if not wait:
            if not is_held(state.lock):
                click.echo(NOT_RUNNING, err=True)
            return 0
        outcomes = [wait_for(state, store, upload) for upload in unfinished]
    for outcome in outcomes:
        click.echo(f"{shown(video)}: {outcome_word(outcome)}", err=True)
    return 0 if all(isinstance(outcome, VideoCancelled) for outcome in outcomes) else FAILED


def _uploads(store: ObjectStore, video_id: str, revision: int | None) -> list[VideoUploaded]:
    found = []
    for number, names in revisions_of(store, video_id):
        if "upload.json" in names and revision in (None, number):
            try:
                found.append(load_upload(store.get(upload_key(video_id, number))))
            except (ObjectMissing, ValueError):
                continue
    return found
