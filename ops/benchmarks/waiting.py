"""How long somebody waits for a short clip: on an idle machine, and behind a long video."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ops.benchmarks.figures import Figure, Repeats, below
from ops.benchmarks.runs import Warm, run_reelay, warm_cluster, warm_pipeline
from ops.benchmarks.speech import hours, speech
from ops.cluster.errors import ToolMissing
from ops.demo.make_clip import CLIP

_TIMES = 3
_HEAD_START_S = 5.0
_AIM = 3


def measure(long: bool) -> list[Figure]:
    """Takes about a minute. long: behind ten hours instead of one, and on a cluster, too; three
    minutes."""
    first_words = Repeats([run_reelay(CLIP).first_words_s for _ in range(_TIMES)])
    figures = [below("first words of the demonstration clip, cold", first_words, 5, "s")]
    if not long:
        return figures + _behind(warm_pipeline, speech(60).video, "1 h", "")
    video = hours(10)
    figures += _behind(warm_pipeline, video, "10 h", "")
    try:
        figures += _behind(warm_cluster, video, "10 h", ", on a cluster")
    except ToolMissing as error:
        figures.append(Figure("a minute, behind 10 h, on a cluster", f"not measured: {error}"))
    return figures


def _behind(
    pipeline: Callable[[Path], AbstractContextManager[Warm]], long_video: Path, length: str, where: str
) -> list[Figure]:
    """Minutes alone, and minutes after a long video was begun, of which the rest is then given up."""
    minutes = [speech(1, seed).video for seed in range(2 * _TIMES)]
    with pipeline(CLIP) as warm:
        alone = Repeats([warm.seconds(video) for video in minutes[:_TIMES]])
        warm.publish(long_video)
        time.sleep(_HEAD_START_S)  # it is well under way then
        behind = Repeats([warm.seconds(video) for video in minutes[_TIMES:]])
    return [
        Figure(f"a minute, alone, warm{where}", f"{alone:.1f} s"),
        Figure(f"a minute, behind {length}, one after the other{where}", f"{behind:.1f} s"),
        below(
            f"the longest of these against the minute alone{where}",
            max(behind.values) / alone.median,
            _AIM,
            "times",
        ),
    ]
