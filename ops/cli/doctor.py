"""`reelay doctor`: whether this machine has what Reelay needs, and a cluster, if one is named."""

import json
import os
import platform
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ops.cli.errors import one_line
from ops.cli.exits import FAILED
from ops.cli.findings import Finding, Level
from ops.cli.kafka import cluster, cluster_options
from ops.cli.text import plain, shown
from ops.pipeline.state import StateFolder, state_folder
from ops.up.lock import is_held
from ops.up.status import STALE_S, read_status

_PYTHONS = ((3, 11), (3, 13))
_PACKAGES = {
    "reelay": "reelay",
    "confluent-kafka": "reelay",
    "fastavro": "reelay",
    "ffmpeg-python": "reelay[converter]",
    "faster-whisper": "reelay[transcriber]",
    "ctranslate2": "reelay[transcriber]",
    "sentencex": "reelay[enricher]",
    "stopwordsiso": "reelay[enricher]",
    "faust-streaming": "reelay[aggregator]",
    "rapidfuzz": "reelay[cli]",
    "rich": "reelay[cli]",
}
"""What must be installed, and the extra that brings it."""
_AUDIO = "aac ac3 alac amrnb flac mp2 mp3 opus pcm_s16le vorbis wmav2"
_VIDEO = "flv h264 hevc mpeg2video mpeg4 vp8 vp9 wmv2"
_DECODERS = frozenset(f"{_AUDIO} {_VIDEO}".split())
"""Decoders without which usual files cannot be read; the names are ffmpeg's."""
_ENCODERS = frozenset(["flac"])
_RESTARTS_FINE = 2
_FREE_BYTES = 2 * 10**9
_MEMORY_BYTES = 2 * 10**9
_WAIT_S = 15.0


@click.command("doctor")
@click.option("--model", help="Also check that this Whisper model is here.  [default: small]")
@cluster_options(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON document.")
def command(*, model: str | None, brokers: str | None, registry: str, as_json: bool) -> int:
    """Check that this machine has what Reelay needs, and say what to do where it has not.

    With --brokers, also whether a cluster has it: topics, schemas, a store that takes objects.
    Exit status 1 means that `reelay run`, or the cluster, would not work.

    \b
    Examples:
      reelay doctor --json
      reelay doctor --brokers localhost:9092
    """
    state = state_folder(os.environ)
    findings = [
        *_python(),
        *_packages(),
        *_ffmpeg(),
        *_model(model),
        *_state(state),
        *_machine(),
        *_supervisor(state),
    ]
    if brokers:
        from ops.cli.cluster_checks import cluster_checks  # noqa: PLC0415  # half a second

        with one_line():
            findings += cluster_checks(cluster(brokers, registry))
    wrong = [finding for finding in findings if finding.level is Level.WRONG]
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "findings": [asdict(f) for f in findings]}, indent=2))
        return FAILED if wrong else 0
    marks = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.WRONG: ("✗", "red")}
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        mark, colour = marks[finding.level]
        click.echo(f"{click.style(mark, fg=colour)} {finding.check:<{width}}  {shown(finding.found)}")
        if finding.advice:
            click.echo(f"  {'':<{width}}  → {shown(finding.advice)}")
    click.echo(f"\n{len(wrong)} of {len(findings)} checks failed." if wrong else "\nNothing is wrong.")
    return FAILED if wrong else 0


def _python() -> Iterator[Finding]:
    oldest, newest = _PYTHONS
    fits = oldest <= sys.version_info[:2] <= newest
    yield Finding(
        "python",
        Level.OK if fits else Level.WRONG,
        f"{platform.python_version()} ({sys.executable})",
        None if fits else f"use Python {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}",
    )


def _packages() -> Iterator[Finding]:
    for package, extra in _PACKAGES.items():
        try:
            yield Finding(package, Level.OK, version(package))
        except PackageNotFoundError:
            yield Finding(package, Level.WRONG, "not installed", f"pip install '{extra}'")


def _ffmpeg() -> Iterator[Finding]:
    for program in ("ffmpeg", "ffprobe"):
        place = shutil.which(program)
        if place is None:
            yield Finding(
                program, Level.WRONG, "not found", "install ffmpeg (for instance: apt install ffmpeg)"
            )
            continue
        first_line = _output(place, "-version").partition("\n")[0]
        if not first_line.startswith(f"{program} version "):
            yield Finding(program, Level.WRONG, f"{place} does not run", "install ffmpeg anew")
            continue
        yield Finding(program, Level.OK, f"{first_line.split()[2]} ({place})")
        if program == "ffmpeg":
            yield _codecs(place, "decoders", _DECODERS, Level.WARNING)
            yield _codecs(place, "encoders", _ENCODERS, Level.WRONG)


def _codecs(ffmpeg: str, kind: str, needed: frozenset[str], if_missing: Level) -> Finding:
    lines = _output(ffmpeg, "-hide_banner", f"-{kind}").splitlines()
    has = {line.split()[1] for line in lines if len(line.split()) > 1}
    missing = sorted(needed - has)
    if not missing:
        return Finding(f"ffmpeg {kind}", Level.OK, "all that are needed")
    return Finding(
        f"ffmpeg {kind}",
        if_missing,
        f"missing: {', '.join(missing)}",
        "install a full build of ffmpeg; files of these formats cannot be read with this one",
    )


def _model(name: str | None) -> Iterator[Finding]:
    try:
        from ops.up.models import local_models  # noqa: PLC0415
        from processors.transcriber.models import ModelMissing, resolve_model  # noqa: PLC0415
        from processors.transcriber.settings import TranscriberSettings  # noqa: PLC0415

        settings = TranscriberSettings()
        wanted = name or settings.model
        files = resolve_model(wanted, Path(settings.models_folder))
    except ImportError as error:
        yield Finding("model", Level.WRONG, str(error), "pip install 'reelay[transcriber]'")
    except ModelMissing:
        yield Finding(
            "model",
            Level.WARNING if name is None else Level.WRONG,
            f"{wanted} is not on this machine",
            f"get it: reelay models pull {wanted}; without a way to the hub: --model FOLDER or tiny.en",
        )
    else:
        yield Finding("model", Level.OK, f"{wanted} ({plain(files.folder)})")
        here = [model.name for model in local_models(Path(settings.models_folder))]
        yield Finding("all models here", Level.OK, ", ".join(here) or wanted)


def _state(state: StateFolder) -> Iterator[Finding]:
    probe = state.root / f".doctor-{uuid.uuid4().hex}"
    try:
        state.root.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
        free_bytes = shutil.disk_usage(state.root).free
    except OSError as error:
        yield Finding(
            "state folder",
            Level.WRONG,
            f"{plain(state.root)} cannot be written: {error.strerror}",
            "set XDG_STATE_HOME to a folder that you may write",
        )
        return
    yield Finding("state folder", Level.OK, plain(state.root))
    enough = free_bytes >= _FREE_BYTES
    yield Finding(
        "free disk",
        Level.OK if enough else Level.WARNING,
        _gigabytes(free_bytes),
        None if enough else "an hour of media takes about 50 MB there; a model up to 3 GB in the cache",
    )


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", Level.OK, str(cores))
    try:
        import psutil  # type: ignore[import-untyped]  # noqa: PLC0415

        available_bytes = psutil.virtual_memory().available
    except ImportError:
        yield Finding("psutil", Level.WRONG, "not installed", "pip install 'reelay[cli]'")
        return
    enough = available_bytes >= _MEMORY_BYTES
    yield Finding(
        "free memory",
        Level.OK if enough else Level.WARNING,
        _gigabytes(available_bytes),
        None if enough else "use a smaller --model (base, tiny.en) or --workers 1",
    )


def _supervisor(state: StateFolder) -> Iterator[Finding]:
    check = "reelay up"
    status = read_status(state)
    if status is None:
        yield Finding(check, Level.OK, "starting" if is_held(state.lock) else "not running")
        return
    failing = [process.name for process in status.processes if process.restarts > _RESTARTS_FINE]
    if status.age_s > STALE_S:
        found, advice = (
            f"silent for {status.age_s:.0f} s (pid {status.pid})",
            "stop it and start it anew",
        )
    elif status.trouble:
        found, advice = f"waits: {status.trouble}", "what it waits for is named; it goes on by itself"
    elif failing:
        found = f"{' and '.join(failing)} keep failing" if failing[1:] else f"{failing[0]} keeps failing"
        advice = f"the end of its log there says why: {plain(state.up_logs)}"
    else:
        yield Finding(check, Level.OK, f"runs (pid {status.pid})")
        return
    yield Finding(check, Level.WARNING, found, advice)


def _output(*command: str) -> str:
    """What a program prints; nothing if it does not run."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_WAIT_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 10**9:.1f} GB"
