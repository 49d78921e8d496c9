"""`reelay publish`: uploads for the pipeline of this machine, or for a cluster."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from uuid import uuid4

import click

from connectors.objectstore.revisions import (
    DELETED,
    RevisionsUsedUp,
    RevisionTaken,
    VideoWasDeleted,
    earlier_upload,
    find_outcome,
    take_revision,
    upload_event,
)
from ops.cli import options as shared
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.kafka import cluster_options
from ops.cli.place import Cluster, Place, ThisMachine, find_place
from ops.cli.text import plain, shown
from ops.cli.up import outcome_word
from ops.cli.videos import outcomes_told, wait_for
from ops.pipeline.files import Unusable, media_files
from ops.pipeline.uploading import NameTaken, upload_file
from ops.up.status import read_status
from schemas.events import Options, Task, VideoCompleted, VideoFailed, VideoUploaded
from schemas.outcomes import MAX_REVISION, Outcome, check_video_id


@dataclass(frozen=True, slots=True)
class _Request:
    """One upload as the user asks for it. path: None for a key in the object store."""

    given: str
    video_id: str
    source: str
    name: str
    size_bytes: int | None
    path: Path | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """Something that cannot be uploaded, and why."""

    given: str
    reason: str


_Accept = Callable[[_Request], VideoUploaded | _Refused]
_Outcomes = Iterator[tuple[VideoUploaded, Outcome | None]]


def _video_id(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """An id or nothing. Raises BadParameter."""
    if value is not None:
        try:
            check_video_id(value)
        except ValueError as error:
            raise click.BadParameter(shown(str(error))) from error
    return value


@click.command("publish")
@click.argument("sources", nargs=-1, required=True, callback=shared.names, metavar="FILE|FOLDER...")
@cluster_options(required=False)
@click.option(
    "--key", "is_key", is_flag=True, help="FILE is a key in the object store, not a local file."
)
@click.option(
    "--video-id",
    callback=_video_id,
    help="Id of the video.  [default: made from the file; random for a key]",
)
@click.option(
    "--revision",
    type=click.IntRange(1, MAX_REVISION),
    help="A redo takes the next one.  [default: what is free]",
)
@click.option(
    "--in-place",
    is_flag=True,
    help="Do not copy FILE into a cluster's store: its converters read it where it lies.",
)
@shared.LANGUAGE
@click.option("--model", help="Whisper model.  [default: the transcriber's own]")
@shared.TASK
@shared.AUDIO_TRACK
@shared.HOTWORDS
@shared.FORCE
@click.option("--wait", is_flag=True, help="Wait until all are done; exit status 1 if one failed.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each upload.")
def command(
    *,
    sources: tuple[str, ...],
    brokers: str | None,
    registry: str,
    is_key: bool,
    video_id: str | None,
    revision: int | None,
    in_place: bool,
    language: str | None,
    model: str | None,
    task: str,
    audio_track: int | None,
    hotwords: str | None,
    force: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Have each FILE captioned, also those in a FOLDER, and print its video id.

    Without --brokers the upload goes to `reelay up` on this machine, now or when it is started. With
    --brokers it goes to a cluster: FILE is copied into the object store (REELAY_STORE_URL) and then
    announced. Where no store is known, and with --in-place, FILE is named by its path, which the
    converter's machine must have too, in a folder that its REELAY_LOCAL_ROOTS allows.

    A file that was published before with the same options is not done again, unless it failed. So if
    this command was cut off, give it again: what is there is not copied twice, and what has no outcome
    is announced again.

    \b
    Examples:
      reelay publish talk.mp4 --wait
      reelay publish lectures/ --brokers localhost:9092
      reelay publish --key uploads/42/talk.mp4 --video-id 42 --brokers kafka:9092
    """
    if video_id is not None and (len(sources) > 1 or (not is_key and os.path.isdir(sources[0]))):
        raise click.UsageError("--video-id is for one FILE")
    options = Options(
        language=language,
        model=model,
        task=Task(task),
        audio_track=audio_track,
        hotwords=hotwords,
        reuse=not force,
    )
    accepted: list[VideoUploaded] = []
    failed = False
    with one_line():
        place = find_place(brokers, registry)
        place.reach()
        by_path = isinstance(place, Cluster) and not place.connections.store_url
        if by_path:
            accept = _announced(place, options, revision)
        else:
            accept = _accepted(place, options, revision, in_place=in_place)
        for request in _requests(sources, video_id, is_key=is_key):
            upload = request if isinstance(request, _Refused) else accept(request)
            if isinstance(upload, _Refused):
                click.echo(f"✗ {shown(upload.given)}: {shown(upload.reason)}", err=True)
                failed = True
                continue
            accepted.append(upload)
            if not (wait and as_json):
                click.echo(_line(upload, as_json=as_json))
        if wait:
            if isinstance(place, Cluster) and by_path:
                outcomes: _Outcomes = outcomes_told(place, accepted)
            else:
                outcomes = ((upload, wait_for(place, upload)) for upload in accepted)
            return FAILED if not _all_complete(outcomes, as_json=as_json) or failed else 0
        if accepted and (notice := place.notice()):
            click.echo(notice, err=True)
    return FAILED if failed else 0


def _requests(
    sources: tuple[str, ...], video_id: str | None, *, is_key: bool
) -> Iterator[_Request | _Refused]:
    if is_key:
        for source in sources:
            name = PurePosixPath(source).name
            yield _Request(source, video_id or uuid4().hex, source, name, None, None)
        return
    for file in media_files(map(Path, sources)):
        given = plain(file.given)
        if isinstance(file, Unusable):
            yield _Refused(given, file.reason)
        else:
            who = video_id or file.video_id
            yield _Request(given, who, file.source, file.name, file.size_bytes, file.path)


def _announced(place: Place, options: Options, revision: int | None) -> _Accept:
    """For a cluster whose store is not known here: the converter takes the revision's number."""

    def accept(request: _Request) -> VideoUploaded:
        upload = upload_event(
            request.video_id,
            revision or 1,
            source=request.source,
            name=request.name,
            size_bytes=request.size_bytes,
            options=options,
        )
        place.announce(upload)
        return upload

    return accept


def _accepted(place: Place, options: Options, revision: int | None, *, in_place: bool) -> _Accept:
    """Each upload is written into the store, which takes its revision's number, and then announced."""
    store = place.store
    roots = _readable(place)

    def accept(request: _Request) -> VideoUploaded | _Refused:
        path = request.path
        if path and roots is not None and not any(path.is_relative_to(root) for root in roots):
            why = f"the running reelay up may not read there; start it with --root {path.parent}"
            return _Refused(request.given, why)
        try:
            upload = None
            if revision is None and options.reuse:
                upload = earlier_upload(store, request.video_id, replace(options, reuse=True))
            if upload is None:
                source = request.source
                if path and isinstance(place, Cluster) and not in_place:
                    source = upload_file(store, request.video_id, request.name, path)
                upload = take_revision(
                    store,
                    request.video_id,
                    source=source,
                    name=request.name,
                    size_bytes=request.size_bytes,
                    options=options,
                    revision=revision,
                )
        except VideoWasDeleted:
            return _Refused(request.given, DELETED)
        except RevisionTaken:
            return _Refused(request.given, f"revision {revision} is there already")
        except NameTaken:
            why = "the video has another file of that name; give it another --video-id"
            return _Refused(request.given, why)
        except (RevisionsUsedUp, ValueError) as error:
            return _Refused(request.given, str(error))
        if find_outcome(store, upload) is None:
            place.announce(upload)
        return upload

    return accept


def _readable(place: Place) -> list[Path] | None:
    """The folders that the running `reelay up` may read; None where nothing is known to be forbidden."""
    running = read_status(place.state) if isinstance(place, ThisMachine) else None
    return None if running is None else [Path(root) for root in running.roots]


def _all_complete(outcomes: _Outcomes, *, as_json: bool) -> bool:
    """Tell the outcomes as they come. Whether all were completed."""
    complete = True
    for upload, outcome in outcomes:
        complete &= isinstance(outcome, VideoCompleted)
        word = outcome_word(outcome)
        if as_json:
            why = {"reason": outcome.reason} if isinstance(outcome, VideoFailed) else {}
            click.echo(_line(upload, as_json=True, outcome=word, **why))
        elif isinstance(outcome, VideoFailed):
            click.echo(f"✗ {shown(upload.name)}: {shown(outcome.reason)}", err=True)
        else:
            mark = "✓" if isinstance(outcome, VideoCompleted) else "✗"
            click.echo(f"{mark} {shown(upload.name)}: {word}", err=True)
    return complete


def _line(upload: VideoUploaded, *, as_json: bool, **more: str) -> str:
    if not as_json:
        return shown(upload.video_id)
    record = {"video_id": upload.video_id, "revision": upload.revision, "source": upload.source}
    return json.dumps(record | more)
