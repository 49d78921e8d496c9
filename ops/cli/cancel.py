"""`reelay cancel`: no more work on a video."""

import click

from connectors.objectstore.wishes import ask_to_cancel
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster_options
from ops.cli.place import find_place
from ops.cli.text import shown
from ops.cli.up import outcome_word
from ops.cli.videos import find_video, uploads_of, wait_for, with_outcomes
from schemas.events import VideoCancelled


@click.command("cancel")
@click.argument("video")
@click.option("--revision", type=click.IntRange(1), help="Which one.  [default: all unfinished ones]")
@cluster_options(required=False)
@click.option("--wait", is_flag=True, help="Wait until it is cancelled.")
def command(*, video: str, revision: int | None, brokers: str | None, registry: str, wait: bool) -> int:
    """Stop work on VIDEO, an id or a file. It can be published again later.

    \b
    Example:
      reelay cancel talk.mp4
    """
    with one_line():
        place = find_place(brokers, registry)
        store = place.store
        video_id = find_video(store, video)
        uploads = (up for up in uploads_of(store, video_id) if revision in (None, up.revision))
        found = list(with_outcomes(store, uploads))
        unfinished = [upload for upload, outcome in found if outcome is None]
        if not unfinished:
            ended = found[-1][1] if found else None
            what = f"it is {outcome_word(ended)} already" if ended else "there is no such revision"
            click.echo(f"{shown(video)}: {what}", err=True)
            return FAILED
        place.reach()
        for upload in unfinished:
            place.announce(ask_to_cancel(store, video_id, upload.revision))
        if not wait:
            if notice := place.notice():
                click.echo(notice, err=True)
            return 0
        outcomes = [wait_for(place, upload) for upload in unfinished]
    for outcome in outcomes:
        click.echo(f"{shown(video)}: {outcome_word(outcome)}", err=True)
    return 0 if all(isinstance(outcome, VideoCancelled) for outcome in outcomes) else FAILED
