"""How long somebody waits for a short clip: on an idle machine, and behind a long video."""

import time

from ops.benchmarks.figures import Figure, Repeats, below
from ops.benchmarks.runs import run_reelay, warm_pipeline
from ops.benchmarks.speech import speech
from ops.demo.make_clip import CLIP

_TIMES = 3
_HEAD_START_S = 5.0


def measure(long: bool) -> list[Figure]:
    """Takes about a minute. long: behind three hours instead of one."""
    first_words = Repeats([run_reelay(CLIP).first_words_s for _ in range(_TIMES)])
    hours = 3 if long else 1
    long_video = speech(hours * 60).video
    minutes = [speech(1, seed).video for seed in range(2 * _TIMES)]
    with warm_pipeline(CLIP) as pipeline:
        alone = Repeats([pipeline.seconds(video) for video in minutes[:_TIMES]])
        pipeline.publish(long_video)
        time.sleep(_HEAD_START_S)  # it is well under way then
        behind = Repeats([pipeline.seconds(video) for video in minutes[_TIMES:]])
    return [
        below("first words of the demonstration clip, cold", first_words, 5, "s"),
        Figure("a minute, alone, warm", f"{alone:.1f} s"),
        Figure(f"a minute, behind {hours} h, one after the other", f"{behind:.1f} s"),
        below(
            "the longest of these against the minute alone",
            max(behind.values) / alone.median,
            3,
            "times",
        ),
    ]
