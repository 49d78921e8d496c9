"""`reelay cancel`: no more work on a video."""

import json

import click

from connectors.objectstore.wishes import ask_to_cancel
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster_options
from ops.cli.place import find_place
from ops.cli.text import shown
from ops.cli.up import outcome_word
from ops.cli.videos import find_video, uploads_of, wait_for, with_outcomes
from schemas.events import VideoCancelled, VideoUploaded


@click.command("cancel")
@click.argument("video")
@click.option("--revision", type=click.IntRange(1), help="Which one.  [default: all unfinished ones]")
@cluster_options(required=False)
@click.option("--wait", is_flag=True, help="Wait until it is cancelled.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each revision.")
def command(
    *,
    video: str,
    revision: int | None,
    brokers: str | None,
    registry: str,
    wait: bool,
    as_json: bool,
) -> int:
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
            last = found[-1][1] if found else None
            what = f"it is {outcome_word(last)} already" if last else "there is no such revision"
            click.echo(f"{shown(video)}: {what}", err=True)
            return FAILED
        place.reach()
        for upload in unfinished:
            place.announce(ask_to_cancel(store, video_id, upload.revision))
        if not wait:
            if as_json:
                for upload in unfinished:
                    click.echo(_line(upload))
            if notice := place.notice():
                click.echo(notice, err=True)
            return 0
        ended = [(upload, wait_for(place, upload)) for upload in unfinished]
    for upload, outcome in ended:
        word = outcome_word(outcome)
        if as_json:
            click.echo(_line(upload, outcome=word))
        else:
            click.echo(f"{shown(video)}: {word}", err=True)
    return 0 if all(isinstance(outcome, VideoCancelled) for _, outcome in ended) else FAILED


def _line(upload: VideoUploaded, **more: str) -> str:
    return json.dumps({"video_id": upload.video_id, "revision": upload.revision} | more)
