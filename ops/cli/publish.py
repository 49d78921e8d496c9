"""`reelay publish`: uploads announced to a cluster."""

import json
from pathlib import Path, PurePosixPath
from uuid import uuid4

import click

from connectors.kafka.clients import open_producer
from connectors.registry import open_registry
from ops.cli.errors import one_line
from ops.cli.kafka import cluster, cluster_options
from ops.cli.status import FAILED
from ops.cli.text import plain, shown
from ops.pipeline.files import Unusable, identify
from ops.pipeline.revisions import upload_event
from ops.pipeline.work import publish
from schemas.codec import Codec
from schemas.events import Options, Task

_TIMEOUT_MS = 10_000


@click.command("publish")
@click.argument("sources", nargs=-1, required=True, metavar="FILE...")
@cluster_options
@click.option(
    "--key", "is_key", is_flag=True, help="FILE is a key in the object store, not a local file."
)
@click.option("--video-id", help="Id of the video.  [default: made from the file; random for a key]")
@click.option(
    "--revision", type=click.IntRange(1), default=1, show_default=True, help="A redo takes the next one."
)
@click.option("--language", help="Language of the speech (de, en-GB, …), or 'mixed'.  [default: heard]")
@click.option("--model", help="Whisper model.  [default: the transcriber's own]")
@click.option(
    "--task",
    type=click.Choice([task.value for task in Task]),
    default=Task.TRANSCRIBE.value,
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each upload.")
def command(
    *,
    sources: tuple[str, ...],
    brokers: str,
    registry: str,
    is_key: bool,
    video_id: str | None,
    revision: int,
    language: str | None,
    model: str | None,
    task: str,
    as_json: bool,
) -> int:
    """Announce each FILE as an upload, and print its video id.

    A file is named by its path, which the converter's machine must have too, in a folder that its
    REELAY_LOCAL_ROOTS allows.

    \b
    Examples:
      reelay publish talk.mp4 --brokers localhost:9092
      reelay publish --key uploads/42/talk.mp4 --video-id 42 --brokers kafka:9092
    """
    if video_id is not None and len(sources) > 1:
        raise click.UsageError("--video-id is for one FILE")
    options = Options(language=language, model=model, task=Task(task))
    failed = False
    with one_line():
        codec = Codec(open_registry(registry))
        producer = open_producer(cluster(brokers, registry), message_timeout_ms=_TIMEOUT_MS)
        for source in sources:
            if is_key:
                name, where, size_bytes = PurePosixPath(source).name, source, None
                who = video_id or uuid4().hex
            else:
                file = identify(Path(source))
                if isinstance(file, Unusable):
                    click.echo(f"✗ {shown(plain(file.given))}: {file.reason}", err=True)
                    failed = True
                    continue
                name, where, size_bytes = file.name, file.source, file.size_bytes
                who = video_id or file.video_id
            upload = upload_event(
                who, revision, source=where, name=name, size_bytes=size_bytes, options=options
            )
            publish(producer, upload, codec)
            click.echo(
                json.dumps({"video_id": who, "revision": revision, "source": where}) if as_json else who
            )
    return FAILED if failed else 0
