"""What `reelay status` says about a cluster."""

from datetime import UTC, datetime, timedelta

from ops.cli.status_of_cluster import ClusterStatus, lines, record
from ops.inflight.lag import GroupStatus, PartitionLag
from ops.inflight.members import Member
from ops.inflight.videos import VideoInFlight

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def group(name: str, *, lag: int = 0, members: int = 1, missing: tuple[str, ...] = ()) -> GroupStatus:
    oldest = NOW.timestamp() - 90 if lag else None
    return GroupStatus(
        group=name,
        state="stable" if members else "empty",
        members=(Member("m", "10.0.0.1", 2),) * members,
        partitions=(
            PartitionLag("reelay.a", 0, 7, 7 + lag, lag, oldest),
            PartitionLag("reelay.a", 1, None, 0, 0, None),
        ),
        missing=missing,
    )


def video(name: str, *, revision: int = 1, done_s: float | None = None) -> VideoInFlight:
    return VideoInFlight(
        video_id=f"id-{name}",
        revision=revision,
        name=name,
        stage="waiting" if done_s is None else "transcribing",
        done_s=done_s,
        total_s=None if done_s is None else 120.0,
        accepted_at=NOW - timedelta(seconds=61),
        heard_at=None if done_s is None else NOW - timedelta(seconds=2),
    )


def status(*groups: GroupStatus, videos: tuple[VideoInFlight, ...] | None = ()) -> ClusterStatus:
    return ClusterStatus("b:9092", "s3://reelay", NOW.timestamp(), groups, videos, 0, 0, ())


def test_each_group_has_a_line_and_each_lagging_partition_if_asked() -> None:
    looked = status(group("converter", lag=5), group("aggregator"))

    short = list(lines(looked, by_partition=False))
    long = list(lines(looked, by_partition=True))

    assert short[:3] == [
        "GROUP        MEMBERS       LAG    OLDEST  STATE",
        "converter          1         5      1:30  stable",
        "aggregator         1         0         -  stable",
    ]
    assert short[-1] == "No video is in flight."
    assert [line for line in long if line not in short] == ["  reelay.a [0]  lag 5  committed 7  end 12"]


def test_what_is_missing_is_said_with_the_command_that_mends_it() -> None:
    said = list(
        lines(
            status(group("enricher", lag=1, members=0, missing=("reelay.b", "reelay.c")), videos=None),
            by_partition=False,
        )
    )

    assert "! no topic reelay.b and 1 more: reelay topics apply" in said
    assert "! start one: reelay processor enricher" in said
    assert said[-1].startswith("Videos in flight are in the store")


def test_videos_in_flight_are_named_with_how_far_they_are_in_the_width_of_a_terminal() -> None:
    videos = (video("a.mp4", done_s=62.5), video("l" * 90, revision=2), *[video("z")] * 30)

    said = list(lines(status(group("converter"), videos=videos), by_partition=False))

    assert "32 videos in flight, the oldest for 1:01" in said
    assert any("transcribing · 1:02 of 2:00 · for 1:01" in line for line in said)
    assert said[-1] == "  and 12 more videos"
    assert all(len(line) <= 80 for line in said)


def test_the_record_for_programs_has_ages_in_seconds() -> None:
    found = record(status(group("converter", lag=2), videos=(video("a.mp4", done_s=62.5),)))

    assert found["groups"][0]["lag"] == 2
    assert found["groups"][0]["oldest_s"] == 90.0
    assert found["groups"][0]["partitions"][1] == {
        "topic": "reelay.a",
        "partition": 1,
        "committed": None,
        "end": 0,
        "lag": 0,
        "oldest_s": None,
    }
    assert found["videos"][0]["silent_s"] == 2.0
    assert found["videos"][0]["age_s"] == 61.0
