"""`reelay delete`: a video and its results removed, for ever."""

import json
import time

import click

from connectors.objectstore.wishes import ask_to_delete
from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.patience import Patience
from ops.cli.place import find_place
from ops.cli.text import shown
from ops.cli.videos import find_video, is_left

_TICK_S = 0.3


@click.command("delete")
@click.argument("video")
@cluster_options(required=False)
@click.option("--wait", is_flag=True, help="Wait until everything is removed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, video: str, brokers: str | None, registry: str, wait: bool, as_json: bool) -> int:
    """Remove VIDEO, an id or a file, with all its results, also while it is worked on.

    Its id is never accepted again. Your own files stay: the original, and what was exported. Pieces of
    work that other videos may share go with `reelay gc`.

    \b
    Example:
      reelay delete 5f0c1d --wait
    """
    with one_line():
        place = find_place(brokers, registry)
        video_id = find_video(place.store, video, half_deleted=True)
        place.reach()
        place.announce(ask_to_delete(place.store, video_id))
        if notice := place.notice():
            click.echo(notice, err=True)
        patience = Patience(place, video)
        while wait and is_left(place.store, video_id):
            patience.tick()
            time.sleep(_TICK_S)
    if as_json:
        click.echo(json.dumps({"video_id": video_id, "deleted": wait}))
    elif wait:
        click.echo(f"{shown(video)}: deleted", err=True)
    return 0
