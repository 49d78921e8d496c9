"""`reelay status`: what is in the works, and what became of a video."""

import json

import click

from ops.cli import status_of_video
from ops.cli.errors import one_line
from ops.cli.kafka import cluster_options
from ops.cli.overview import look
from ops.cli.place import find_place
from ops.cli.videos import find_video


@click.command("status")
@click.argument("video", required=False)
@cluster_options(required=False)
@click.option("--partitions", "by_partition", is_flag=True, help="Show every partition that has lag.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *, video: str | None, brokers: str | None, registry: str, by_partition: bool, as_json: bool
) -> int:
    """Show what is worked on; for VIDEO, an id or a file, what became of it.

    Without --brokers it is about `reelay up` on this machine. With --brokers it is about a cluster: who
    works in each consumer group, how many records wait for it and for how long (LAG counts records,
    not offsets), and the videos without an outcome.

    \b
    Examples:
      reelay status
      reelay status talk.mp4 --json | jq .revisions[-1].outcome
      reelay status --partitions --brokers localhost:9092
    """
    with one_line():
        place = find_place(brokers, registry)
        if video is not None:
            record = status_of_video.record(place, find_video(place.store, video))
            lines = status_of_video.lines(record)
        else:
            seen = look(place, by_partition=by_partition)
            record, lines = seen.record, iter(seen.lines)
        click.echo(json.dumps(record, indent=2) if as_json else "\n".join(lines))
    return 0
