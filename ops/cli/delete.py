"""`reelay delete`: a video and its results removed, for ever."""

import os
import time

import click

from connectors.objectstore import FolderStore, ObjectStore
from ops.cli.errors import one_line
from ops.cli.text import shown
from ops.cli.videos import NOT_RUNNING, find_video
from ops.pipeline.state import state_folder
from ops.up.lock import is_held
from ops.up.wishes import ask_to_delete, revisions_of
from schemas.outcomes import uploads_prefix

_TICK_S = 0.3


@click.command("delete")
@click.argument("video")
@click.option("--wait", is_flag=True, help="Wait until everything is removed.")
def command(video: str, wait: bool) -> int:
    """Remove VIDEO, an id or a file, with all its results, also while it is worked on.

    Its id is never accepted again. Your own files stay: the original, and what was exported. Pieces of
    work that other videos may share go with `reelay gc`.

    \b
    Example:
      reelay delete 5f0c1d --wait
    """
    state = state_folder(os.environ)
    with one_line():
        store = FolderStore(state.store)
        video_id = find_video(store, video)
        ask_to_delete(store, video_id)
        running = is_held(state.lock)
        if not running:
            click.echo(NOT_RUNNING, err=True)
        while wait and _is_there(store, video_id):
            time.sleep(_TICK_S)
    if wait:
        click.echo(f"{shown(video)}: deleted", err=True)
    return 0


def _is_there(store: ObjectStore, video_id: str) -> bool:
    return any(revisions_of(store, video_id)) or any(store.keys(uploads_prefix(video_id)))
