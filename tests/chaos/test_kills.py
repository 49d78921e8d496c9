"""Whatever is killed, and whenever: nothing is lost, nothing is made twice, nothing is left behind.

REELAY_CHAOS_SEED plays the same dice again, as far as processes let themselves be timed;
REELAY_CHAOS_SECONDS lets it go on for longer.
"""

import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from connectors.objectstore.folder import TEMPORARY
from ops.pipeline.files import MediaFile
from tests.chaos.kills import BETWEEN_SEGMENTS, IN_A_WRITE, MOMENTS, Hand, plans
from tests.chaos.oracle import Results, faults, results_of
from tests.chaos.settings import ChaosSettings
from tests.chaos.up import SUPERVISOR, Up
from tests.chaos.uploads import Uploads, make_files
from tests.chaos.witnesses import StoreWitness, TopicWitness, looking

SETTINGS = ChaosSettings()

_AT_ONCE = 3
_REUSED = 0.3
_CALM_S = 20.0
"""What it takes to finish what is unfinished when the kills are over."""
_DEADLINE_S = 300.0
_TICK_S = 0.05
_LONG_CHANCE_S = 6.0
_TRIES, _TRIES_BY_LUCK = 20, 3
"""How often a moment is waited for that has to come, and one that may."""
_SEGMENTS = 3
"""Of the clip; the pieces of it have one or two."""

pytestmark = [
    pytest.mark.timeout(SETTINGS.seconds + 2 * _DEADLINE_S),
    pytest.mark.skipif(sys.platform != "linux", reason="finds its victims in /proc"),
]


def test_kills_at_any_moment_lose_nothing_and_change_no_byte(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="reelay.kafka")  # its broker is gone, again and again
    began = time.monotonic()
    print(f"REELAY_CHAOS_SEED={SETTINGS.seed} REELAY_CHAOS_SECONDS={SETTINGS.seconds:.0f}")
    files = make_files(tmp_path / "files", random.Random(f"{SETTINGS.seed} files"))
    truth = undisturbed(tmp_path / "undisturbed", files)

    with Up(home(tmp_path / "disturbed"), root=tmp_path / "files") as up:
        uploads = Uploads(up.store)
        store, topics = StoreWitness(up.state.store, up.store), TopicWitness(up.state)
        hand = Hand(up)
        try:
            with looking(store.look, topics.look):
                storm(hand, uploads, store, files, until=began + SETTINGS.seconds - _CALM_S)
                at_work = len(uploads.unfinished)
                uploads.await_all(up, within_s=_DEADLINE_S)
            topics.close()
        finally:
            print(*hand.kills, sep="\n")
        up.stop()

    print(f"{len(hand.kills)} kills, {len(hand.torn)} torn writes, {len(uploads.published)} uploads")
    print(f"{at_work} unfinished at the end of the kills; {time.monotonic() - began:.0f} s")
    print(f"{store.reads} objects and {topics.reads} announced outcomes read")
    print(dict(Counter(kill.kind for kill in hand.kills)))
    assert store.faults == []
    wrong = [
        fault
        for revision in uploads.published
        for fault in faults(
            revision,
            results_of(up.store, revision),
            truth[revision[0]],
            store.outcomes[revision] | topics.outcomes[revision],
        )
    ]
    assert wrong == []
    assert topics.reads > 0
    assert hand.torn
    assert all(place.exists() for place in hand.torn)
    assert not any(TEMPORARY in key for key in up.store.keys(""))


def undisturbed(folder: Path, files: Sequence[MediaFile]) -> Mapping[str, Results]:
    """The results of each file, by its video id, where nothing was killed."""
    with Up(home(folder), root=files[0].path.parent) as up:
        uploads = Uploads(up.store)
        for file in files:
            uploads.publish(file)
        uploads.await_all(up, within_s=_DEADLINE_S)
        up.stop()
    truth = {video_id: results_of(up.store, (video_id, 1)) for video_id, _ in uploads.published}
    assert all("transcript.json" in results for results in truth.values())
    return truth


def storm(
    hand: Hand, uploads: Uploads, store: StoreWitness, files: Sequence[MediaFile], *, until: float
) -> None:
    """Kill and publish until that moment: first at each moment that has to be waited for, then by dice.
    The supervisor comes last, so that no pause before a restart outlives the storm.

    A write that lasts less than a look at the process is met by luck alone, so which of the writers was
    met is the machine's affair: that one of them was, is asserted in the end.
    """
    dice = random.Random(f"{SETTINGS.seed} uploads")
    long, *short = files
    for kind in dice.sample(MOMENTS, len(MOMENTS)):
        file = long if kind == BETWEEN_SEGMENTS else short[0]
        if not _is_struck_at_work(hand, kind, uploads, store, file):
            print(f"the moment for {kind} never came")
            assert kind.endswith(IN_A_WRITE), hand.up.last_words()
    for plan in plans(random.Random(f"{SETTINGS.seed} kills")):
        strike_at = time.monotonic() + plan.pause_s
        if strike_at > until:
            break
        while time.monotonic() < strike_at:
            hand.up.check()
            uploads.settle()
            while len(uploads.unfinished) < _AT_ONCE:
                uploads.publish(dice.choice(files), reuse=dice.random() < _REUSED)
            time.sleep(_TICK_S)
        hand.strike(plan.kind, when=partial(_is_between, plan.kind, uploads, store))
    hand.strike(SUPERVISOR)


def _is_struck_at_work(
    hand: Hand, kind: str, uploads: Uploads, store: StoreWitness, file: MediaFile
) -> bool:
    """Publish a file again and again until the moment was met; False if it was not."""
    for _ in range(_TRIES_BY_LUCK if kind.endswith(IN_A_WRITE) else _TRIES):
        uploads.publish(file, reuse=False)
        when = partial(_is_between, kind, uploads, store)
        if hand.strike(kind, when=when, chance_s=_LONG_CHANCE_S):
            return True
    return False


def _is_between(kind: str, uploads: Uploads, store: StoreWitness) -> bool:
    """Whether the aggregator has seen some segments of a video and may not have seen all, if that
    matters."""
    return kind != BETWEEN_SEGMENTS or any(
        0 < len(store.enriched[revision]) < _SEGMENTS for revision in uploads.unfinished
    )


def home(folder: Path) -> Path:
    """An empty folder."""
    folder.mkdir()
    return folder
