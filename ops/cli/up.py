"""`reelay up`: the pipeline as a service on this machine."""

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from ops.cli import options as shared
from ops.cli.display import Display, display
from ops.cli.errors import one_line
from ops.cli.exits import INTERRUPTED
from ops.cli.options import language_tag
from ops.cli.preparation import check_programs, full_name, get_model
from ops.cli.serving import Address, address, claimed
from ops.cli.text import clock, counted, plain, shown
from ops.pipeline.export import Exported
from ops.pipeline.progress import Progress
from ops.pipeline.state import state_folder
from ops.up.desk import Ended
from ops.up.lock import Held, hold
from ops.up.status import read_status
from ops.up.supervisor import Setup, Supervisor
from ops.up.watched import WatchedFolder
from processors.runtime.settings import read_settings
from processors.transcriber.settings import TranscriberSettings
from schemas.codec import to_record
from schemas.events import Options, VideoCompleted, VideoFailed


@click.command("up")
@shared.MODEL
@shared.WORKERS
@click.option(
    "--watch",
    type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True),
    help="Caption every media file that comes into this folder, once it has stopped growing.",
)
@click.option(
    "--language",
    callback=language_tag,
    help="Language in the watched files (de, en-GB, …), or 'mixed'.  [default: heard]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    help="Write the captions of each finished video below this folder, too.",
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True, resolve_path=True),
    help="Files below this folder may be published; may be given several times.  "
    "[default: your home folder and where you are]",
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    callback=address,
    default="127.0.0.1:8080",
    show_default=True,
    help="Where the web page and the API are served; port 0: any free one; off: nowhere.",
)
@click.option("--no-page", is_flag=True, help="Serve the API alone, without the web page.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each finished video.")
def command(
    *,
    model: str | None,
    workers: int,
    watch: Path | None,
    language: str | None,
    out: Path | None,
    roots: tuple[Path, ...],
    http: Address | None,
    no_page: bool,
    as_json: bool,
) -> int:
    """Keep the pipeline running, and caption what is published to it or put into a folder.

    It restarts what fails. Ctrl-C or SIGTERM stop it; whatever is unfinished goes on when it is started
    again. `reelay publish`, `status`, `cancel` and `delete` talk to it, and so does the web page, whose
    address it prints.

    \b
    Examples:
      reelay up --model tiny.en
      reelay up --watch ~/Recordings --out ~/Captions
      reelay publish talk.mp4 --wait        # in another terminal
    """
    state = state_folder(os.environ)
    with one_line():
        model = full_name(model or read_settings(TranscriberSettings).model)
        try:
            with hold(state.lock):
                check_programs()
                get_model(model)
                setup = Setup(
                    state=state,
                    workers=workers,
                    model=model,
                    roots=(*roots, *(() if watch is None else (watch,)), Path.home(), Path.cwd()),
                    watch=None if watch is None else WatchedFolder(watch),
                    options=Options(language=language),
                    out=out,
                    web=None if http is None else claimed(http, state.catalogue, page=not no_page),
                )
                return serve(setup, as_json=as_json)
        except Held as error:
            running = read_status(state)
            who = "" if running is None else f" (pid {running.pid})"
            raise click.ClickException(
                f"another reelay up{who} works on {plain(state.root)} already"
            ) from error


def serve(setup: Setup, *, as_json: bool) -> int:
    """Supervise until a signal says stop. Returns the exit status. Raises what `one_line` turns into a
    message."""
    logs = setup.state.up_logs
    logs.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    view = display(progress, time.monotonic(), idle="waiting for files", every_s=math.inf)
    with _told_to_stop() as told, view:
        voice = _Voice(view, as_json=as_json)
        view.line(f"Captions with {shown(setup.model)}, {counted(setup.workers, 'worker')}.", err=True)
        view.line(f"Logs: {plain(logs)}", err=True)
        if (web := setup.web) is not None:
            what = "Page" if web.page else "API"
            view.line(f"{what}: http://{web.host}:{web.port}", err=True)
        Supervisor(setup, voice, progress, told.stop, logs).run()
    click.echo("Stopped. What is unfinished goes on when reelay up is started again.", err=True)
    return INTERRUPTED if told.number == signal.SIGINT else 0


@dataclass(slots=True)
class _Told:
    """Whether a signal said stop, and which was the first."""

    stop: threading.Event
    number: int | None = None


@contextmanager
def _told_to_stop() -> Iterator[_Told]:
    """Signals only ask to stop while this lasts, so that they interrupt nothing half-way."""
    told = _Told(threading.Event())

    def ask(number: int, _: FrameType | None) -> None:
        told.number = told.number or number
        told.stop.set()

    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # as `nohup` has it
    ]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Voice:
    """Says what the supervisor hears of. Implements its `Audience`."""

    def __init__(self, view: Display, *, as_json: bool) -> None:
        self._view = view
        self._as_json = as_json

    def ended(self, ended: Ended, written: Iterable[Exported]) -> None:
        outcome, upload = ended.outcome, ended.upload
        files = list(written)
        name = shown(upload.name or upload.video_id)
        if self._as_json:
            record = {
                "video_id": upload.video_id,
                "revision": upload.revision,
                "name": upload.name,
                "source": upload.source,
                "outcome": "unreadable" if ended.unreadable else outcome_word(outcome),
                "event": None if outcome is None else to_record(outcome),
                "files": [{"format": file.format, "path": plain(file.path)} for file in files],
            }
            self._view.line(json.dumps(record, default=str))
        elif isinstance(outcome, VideoCompleted):
            words = counted(outcome.word_count, "word") if outcome.word_count else "no words"
            where = plain(files[0].path.parent) if files else upload.video_id
            facts = f"{clock(outcome.duration_s)} · {words}"
            self._view.line(f"{name}  {facts} → {shown(where)}", mark="✓")
        elif isinstance(outcome, VideoFailed):
            self._view.line(f"{name}: {shown(outcome.reason)}", mark="✗")
        else:
            why = shown(ended.unreadable) if ended.unreadable else outcome_word(outcome)
            self._view.line(f"{name}: {why}", mark="✗")

    def trouble(self, text: str) -> None:
        self._view.line(shown(text), mark="!", err=True)

    def refresh(self, waiting: int) -> None:
        self._view.refresh(waiting)


def outcome_word(outcome: object) -> str:
    """completed, failed, cancelled; deleted where nothing is left."""
    return "deleted" if outcome is None else type(outcome).__name__.removeprefix("Video").lower()
