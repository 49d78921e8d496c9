"""Which video a user means, and waiting for what becomes of it."""

import time
from pathlib import Path

import click

from connectors.objectstore import ObjectStore
from ops.pipeline.files import MediaFile, identify
from ops.pipeline.revisions import find_outcome, is_deleted
from ops.pipeline.state import StateFolder
from ops.up.lock import is_held
from ops.up.wishes import revisions_of
from schemas.events import VideoUploaded
from schemas.outcomes import Outcome

NOT_RUNNING = "reelay up is not running: it sees to this when it is started."
_TICK_S = 0.3


def find_video(store: ObjectStore, named: str) -> str:
    """The id of the video that is named by its id or by its file. Raises ClickException."""
    candidates = [named]
    file = identify(Path(named))
    if isinstance(file, MediaFile):
        candidates.append(file.video_id)
    for video_id in candidates:
        try:
            if is_deleted(store, video_id):
                raise click.ClickException(f"{named}: the video was deleted")
            if any(revisions_of(store, video_id)):
                return video_id
        except ValueError:  # a path is no id
            continue
    raise click.ClickException(f"{named}: there is no such video")


def wait_for(state: StateFolder, store: ObjectStore, upload: VideoUploaded) -> Outcome | None:
    """A revision's outcome, None if its video was deleted; blocks until there is one. Says so once if
    nobody works on it."""
    warned = False
    while True:
        outcome = find_outcome(store, upload)
        if outcome is not None or is_deleted(store, upload.video_id):
            return outcome
        if not warned and not is_held(state.lock):
            click.echo(NOT_RUNNING, err=True)
            warned = True
        time.sleep(_TICK_S)
