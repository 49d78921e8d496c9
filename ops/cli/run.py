"""`reelay run`: files in, captions out, on this machine."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from connectors.objectstore import FolderStore, ObjectMissing
from connectors.objectstore.revisions import DELETED, is_deleted
from connectors.registry import FingerprintRegistry
from ops.cli import options as shared
from ops.cli.display import display
from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.preparation import (
    check_programs,
    full_name,
    get_model,
)
from ops.cli.report import Report
from ops.pipeline.door import Limits
from ops.pipeline.export import Exported, export
from ops.pipeline.files import Unusable, covering_folders, media_files
from ops.pipeline.folders import plan_folders
from ops.pipeline.local import local_pipeline
from ops.pipeline.progress import Progress
from ops.pipeline.state import state_folder
from ops.pipeline.tasks import Task, earlier_task, new_task
from ops.pipeline.work import work
from processors.runtime.settings import read_settings
from processors.transcriber.settings import TranscriberSettings
from schemas.codec import Codec
from schemas.events import Options, VideoCompleted, VideoUploaded
from schemas.events import Task as SpeechTask
from schemas.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    paths: tuple[Path, ...]
    options: Options
    model: str
    workers: int
    formats: tuple[str, ...]
    out: Path
    force: bool
    as_json: bool


@click.command("run")
@click.argument("paths", nargs=-1, required=True, callback=shared.names, metavar="FILE|FOLDER...")
@shared.MODEL
@shared.LANGUAGE
@shared.TASK
@shared.AUDIO_TRACK
@shared.HOTWORDS
@shared.WORKERS
@shared.FORMAT
@shared.OUT
@shared.FORCE
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each file.")
def command(
    *,
    paths: tuple[str, ...],
    model: str | None,
    language: str | None,
    task: str,
    audio_track: int | None,
    hotwords: str | None,
    workers: int,
    formats: tuple[str, ...],
    out: Path,
    force: bool,
    as_json: bool,
) -> int:
    """Caption video and audio files on this machine.

    Each file NAME gets a folder OUT/NAME with its captions (.srt, .vtt), text (.txt), transcript with
    word times (.json), chapters, summary and timeline. Folders are searched for media files. A run that
    was stopped goes on where it was when it is started again.

    \b
    Examples:
      reelay run talk.mp4
      reelay run lectures/ --language de --format srt,txt --out captions
    """
    with one_line():
        model = full_name(model or read_settings(TranscriberSettings).model)
        options = Options(
            language=language,
            task=SpeechTask(task),
            model=model,
            audio_track=audio_track,
            hotwords=hotwords,
        )
        try:
            return run(
                Request(tuple(map(Path, paths)), options, model, workers, formats, out, force, as_json)
            )
        except KeyboardInterrupt:
            click.echo("Stopped. What is done is kept: the same command goes on from there.", err=True)
            raise


def run(request: Request) -> int:
    """Caption the files. Returns the exit status.

    Raises ClickException, and what `one_line` turns into one.
    """
    began_s = time.monotonic()
    state = state_folder(os.environ)
    store = FolderStore(state.store)
    progress = Progress()
    view = display(progress, began_s)
    report = Report(view, as_json=request.as_json)
    files = []
    for found in media_files(request.paths):
        if isinstance(found, Unusable):
            report.unusable(found)
        elif is_deleted(store, found.video_id):
            report.unusable(Unusable(found.given, DELETED))
        else:
            files.append(found)
    folders = plan_folders(request.out, ((file.source, file.path.stem) for file in files))
    earlier = {
        file: None if request.force else earlier_task(store, file, request.options) for file in files
    }

    def finish(task: Task, outcome: Outcome) -> None:
        written: list[Exported] = []
        folder = folders[task.file.source]
        if isinstance(outcome, VideoCompleted):
            try:
                written = export(store, outcome, folder, task.file.source, request.formats)
            except (OSError, ObjectMissing) as error:
                report.unwritten(task, folder, error)
                return
        report.finished(task, outcome, written)

    for task in earlier.values():
        if task is not None and task.done is not None:
            finish(task, task.done)
    to_do = [file for file, task in earlier.items() if task is None or task.done is None]
    if to_do:
        check_programs()
        get_model(request.model)
        logs = state.new_log_folder()
        report.logs = logs
        begun: dict[tuple[str, int], Task] = {}

        def uploads() -> Iterator[VideoUploaded]:
            options = replace(request.options, reuse=not request.force)
            for file in to_do:
                task = earlier[file] or new_task(store, file, options)
                begun[task.upload.video_id, task.upload.revision] = task
                yield task.upload

        with (
            local_pipeline(
                store_url=state.store_url,
                local_roots=covering_folders(file.path.parent for file in to_do),
                videos=len(to_do),
                workers=request.workers,
                model=request.model,
                logs=logs,
            ) as pipeline,
            view,
        ):

            def tick() -> None:
                pipeline.processes.watch()
                view.refresh(len(to_do) - progress.begun)

            codec = Codec(FingerprintRegistry())
            events = work(uploads(), pipeline.connections, store, codec, limits=Limits(), on_tick=tick)
            for event in events:
                progress.take(event, time.monotonic())
                if isinstance(event, Outcome):
                    finish(begun[event.video_id, event.revision], event)
    report.summary(time.monotonic() - began_s)
    return FAILED if report.failed else 0
