"""`reelay export`: a video's results as files."""

import json
from pathlib import Path

import click

from connectors.objectstore import ObjectMissing, ObjectStore
from ops.cli import options as shared
from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.place import find_place
from ops.cli.text import plain, shown
from ops.cli.videos import completed_of, find_video
from ops.up.exports import export_to
from schemas.events import VideoCompleted, VideoUploaded


@click.command("export")
@click.argument("video")
@click.option("--revision", type=click.IntRange(1), help="Which one.  [default: the latest completed]")
@cluster_options(required=False)
@shared.FORMAT
@shared.OUT
@click.option("--json", "as_json", is_flag=True, help="Print the files as one JSON document.")
def command(
    *,
    video: str,
    revision: int | None,
    brokers: str | None,
    registry: str,
    formats: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> int:
    """Write the captions and other results of VIDEO, an id or a file, into a folder of its own.

    \b
    Example:
      reelay export talk.mp4 --format srt,txt --out captions
    """
    with one_line():
        store = find_place(brokers, registry).store
        upload, outcome = _completed(store, video, revision)
        try:
            written = export_to(store, upload, outcome, out, formats)
        except ObjectMissing as error:
            raise click.ClickException(f"{error.args[0]} is no longer in the store") from error
    if as_json:
        files = [{"format": file.format, "path": plain(file.path)} for file in written]
        click.echo(
            json.dumps({"video_id": upload.video_id, "revision": upload.revision, "files": files})
        )
    else:
        for file in written:
            click.echo(shown(plain(file.path)))
    return 0


def _completed(
    store: ObjectStore, video: str, revision: int | None
) -> tuple[VideoUploaded, VideoCompleted]:
    """The revision that is meant. Raises ClickException if it is not completed."""
    for upload, outcome in completed_of(store, find_video(store, video)):
        if revision in (None, upload.revision):
            return upload, outcome
    what = "no revision is" if revision is None else f"revision {revision} is not"
    raise click.ClickException(f"{shown(video)}: {what} completed; see reelay status {shown(video)}")
