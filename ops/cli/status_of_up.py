"""How `reelay up` on this machine is, and what it works on."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from connectors.objectstore.wishes import all_wishes
from ops.cli.place import ThisMachine
from ops.cli.text import clock, counted, shown
from ops.up.lock import is_held
from ops.up.status import STALE_S, Status, VideoStatus, read_status

_ROWS = 20


def record(place: ThisMachine) -> dict[str, Any]:
    """All of it as plain data."""
    status = read_status(place.state)
    running = status is not None or is_held(place.state.lock)
    unfinished = None if running else len(all_wishes(place.store).uploads)
    return {"running": running, "unfinished": unfinished} | ({} if status is None else asdict(status))


def lines(place: ThisMachine) -> Iterator[str]:
    """The same for people."""
    status = read_status(place.state)
    yield from _nobody(place) if status is None else _overview(status)


def _nobody(place: ThisMachine) -> Iterator[str]:
    if is_held(place.state.lock):
        yield "reelay up is starting."
        return
    unfinished = len(all_wishes(place.store).uploads)
    waiting = f" {counted(unfinished, 'upload')} {'waits' if unfinished == 1 else 'wait'} for it."
    yield f"reelay up is not running.{waiting if unfinished else ''}"


def _overview(status: Status) -> Iterator[str]:
    since = clock(time.time() - status.began)
    workers = counted(status.workers, "worker")
    yield f"reelay up runs (pid {status.pid}, for {since}) with {shown(status.model)}, {workers}"
    if status.age_s > STALE_S:
        yield f"! it has said nothing for {clock(status.age_s)}"
    if status.trouble:
        yield f"! waiting: {shown(status.trouble)}"
    for process in status.processes:
        if process.pause_s is not None:
            why = shown(process.ended or "stopped")
            yield f"! {process.name} {why}; it starts again in {process.pause_s:.0f} s"
    if status.fresh_starts:
        yield f"started afresh {counted(status.fresh_starts, 'time')}: the broker was lost"
    rows = status.videos[:_ROWS]
    width = max((len(shown(_name(video))) for video in rows), default=0)
    for video in rows:
        yield f"  {shown(_name(video)):<{width}}  {how_far(video)}"
    more = status.at_work + status.waiting - len(rows)
    if more > 0:
        yield f"  and {counted(more, 'more video')}"
    if not rows:
        yield "  nothing to do"
    counts = {
        "completed": status.completed,
        "failed": status.failed,
        "cancelled": status.cancelled,
    }
    if any(counts.values()):
        yield "  ".join(f"{number:,} {word}" for word, number in counts.items() if number)


def _name(video: VideoStatus) -> str:
    return video.name or video.video_id


def how_far(video: VideoStatus) -> str:
    """What is done for a video, in some words."""
    parts = [video.stage]
    if video.total:
        more = "+" if video.more_segments_come else ""
        parts.append(
            f"{video.done} of {video.total}{more} {'segment' if video.total == 1 else 'segments'}"
        )
    if video.age_s is not None:
        parts.append(clock(video.age_s))
    return " · ".join(parts)
