"""How a cluster is: who works in each consumer group, what waits for it, and the unfinished videos."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connectors.objectstore.wishes import all_wishes
from ops.cli.place import Cluster
from ops.cli.text import clock, counted, shown
from ops.inflight.lag import GroupStatus, group_statuses
from ops.inflight.videos import VideoInFlight, videos_in_flight

_ROWS = 20
_NAME_CHARS = 32


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """A cluster at a moment. videos: without an outcome, oldest first; None where the store is not
    known. time: of the look (Unix time)."""

    brokers: str
    store: str | None
    time: float
    groups: tuple[GroupStatus, ...]
    videos: tuple[VideoInFlight, ...] | None
    to_be_cancelled: int
    to_be_deleted: int
    broken: tuple[str, ...]


def look(cluster: Cluster) -> ClusterStatus:
    """Blocks for some seconds where much is unfinished. Raises DependencyDown, KafkaException."""
    connections = cluster.connections
    groups = group_statuses(connections)
    wishes = all_wishes(cluster.store) if connections.store_url else None
    return ClusterStatus(
        brokers=connections.kafka_brokers,
        store=connections.store_url or None,
        time=time.time(),
        groups=groups,
        videos=None if wishes is None else videos_in_flight(wishes, connections, cluster.codec),
        to_be_cancelled=0 if wishes is None else len(wishes.cancels),
        to_be_deleted=0 if wishes is None else len(wishes.deletions),
        broken=() if wishes is None else wishes.broken,
    )


def record(status: ClusterStatus) -> dict[str, Any]:
    """All of it as plain data: times in ISO 8601, ages and lengths in seconds."""
    return {
        "brokers": status.brokers,
        "store": status.store,
        "groups": [
            {
                "group": group.group,
                "state": group.state,
                "lag": group.lag,
                "oldest_s": _age(group.oldest, status),
                "members": [asdict(member) for member in group.members],
                "missing_topics": list(group.missing),
                "partitions": [
                    {
                        "topic": partition.topic,
                        "partition": partition.partition,
                        "committed": partition.committed,
                        "end": partition.end,
                        "lag": partition.lag,
                        "oldest_s": _age(partition.oldest, status),
                    }
                    for partition in group.partitions
                ],
            }
            for group in status.groups
        ],
        "videos": None if status.videos is None else [_video(v, status) for v in status.videos],
        "to_be_cancelled": status.to_be_cancelled,
        "to_be_deleted": status.to_be_deleted,
        "unreadable_uploads": list(status.broken),
    }


def lines(status: ClusterStatus, *, by_partition: bool) -> Iterator[str]:
    """The same for people. by_partition: with a line for each partition that has lag."""
    yield f"{'GROUP':<12} {'MEMBERS':>7} {'LAG':>9} {'OLDEST':>9}  STATE"
    for group in status.groups:
        oldest_s = _age(group.oldest, status)
        oldest = "-" if oldest_s is None else clock(oldest_s)
        state = "nobody works" if not group.members else group.state.replace("_", " ")
        yield f"{group.group:<12} {len(group.members):>7} {group.lag:>9,} {oldest:>9}  {state}"
        if by_partition:
            yield from _partitions(group)
    yield from _advice(status)
    if status.videos is None:
        yield "Videos in flight are in the store: set REELAY_STORE_URL to see them."
        return
    yield ""
    yield from _videos(status, status.videos)
    if status.to_be_cancelled:
        yield f"{counted(status.to_be_cancelled, 'revision')} to be cancelled"
    if status.to_be_deleted:
        yield f"{counted(status.to_be_deleted, 'video')} to be deleted"
    for key in status.broken:
        yield f"! {shown(key)} is no upload"


def _partitions(group: GroupStatus) -> Iterator[str]:
    for found in group.partitions:
        if found.lag:
            committed = "none" if found.committed is None else f"{found.committed:,}"
            where = f"{found.topic} [{found.partition}]"
            yield f"  {where}  lag {found.lag:,}  committed {committed}  end {found.end:,}"


def _advice(status: ClusterStatus) -> Iterator[str]:
    missing = sorted({topic for group in status.groups for topic in group.missing})
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        yield f"! no topic {missing[0]}{more}: reelay topics apply"
    for group in status.groups:
        if group.lag and not group.members:
            yield f"! start one: reelay processor {group.group}"


def _videos(status: ClusterStatus, videos: tuple[VideoInFlight, ...]) -> Iterator[str]:
    if not videos:
        yield "No video is in flight."
        return
    ages_s = [age for video in videos if (age := _age(video.accepted_at, status)) is not None]
    oldest = f", the oldest for {clock(max(ages_s))}" if ages_s else ""
    yield f"{counted(len(videos), 'video')} in flight{oldest}"
    rows = videos[:_ROWS]
    width = min(_NAME_CHARS, max(len(_name(video)) for video in rows))
    for video in rows:
        age_s = _age(video.accepted_at, status)
        parts = [in_words(video)] if age_s is None else [in_words(video), f"for {clock(age_s)}"]
        yield f"  {_cut(_name(video), width):<{width}}  {' · '.join(parts)}"
    if len(videos) > _ROWS:
        yield f"  and {counted(len(videos) - _ROWS, 'more video')}"


def in_words(video: VideoInFlight) -> str:
    """transcribing · 12:30 of 31:02."""
    if video.done_s is None:
        return video.stage
    of = "" if video.total_s is None else f" of {clock(video.total_s)}"
    return f"{video.stage} · {clock(video.done_s)}{of}"


def _name(video: VideoInFlight) -> str:
    name = shown(video.name or video.video_id)
    return name if video.revision == 1 else f"{name} (revision {video.revision})"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _age(at: float | datetime | None, status: ClusterStatus) -> float | None:
    if at is None:
        return None
    then = at.timestamp() if isinstance(at, datetime) else at
    return round(max(0.0, status.time - then), 1)


def _video(video: VideoInFlight, status: ClusterStatus) -> dict[str, Any]:
    return {
        "video_id": video.video_id,
        "revision": video.revision,
        "name": video.name,
        "stage": video.stage,
        "done_s": video.done_s,
        "total_s": video.total_s,
        "age_s": _age(video.accepted_at, status),
        "silent_s": _age(video.heard_at, status),
    }
