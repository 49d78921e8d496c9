"""Reelay against the plain script on the same 20 minutes: time, memory, word errors."""

import re

import jiwer

from ops.benchmarks.figures import Figure, Repeats, below
from ops.benchmarks.runs import Ran, run_plain, run_reelay, warm_pipeline
from ops.benchmarks.speech import speech
from ops.demo.make_clip import CLIP

_MINUTES = 20
_TIMES = 3
_MB = 10**6


def measure(long: bool) -> list[Figure]:
    """Takes about five minutes."""
    video = speech(_MINUTES)
    plain = {threads: run_plain(video.video, threads) for threads in (1, 2)}
    best = min(plain.values(), key=lambda ran: ran.work_s)
    cold = [run_reelay(video.video) for _ in range(2)]
    with warm_pipeline(CLIP) as pipeline:
        warm = [pipeline.seconds(speech(_MINUTES, seed).video) for seed in range(1, _TIMES + 1)]
        short = Repeats([pipeline.seconds(speech(1, seed).video) for seed in range(_TIMES)])
    cold_short = Repeats([run_reelay(speech(1, seed).video).wall_s for seed in range(_TIMES)])
    media_s = video.duration_s

    def times(seconds: float) -> str:
        return f"{seconds:.1f} s, {media_s / seconds:.1f} times real time"

    return [
        *(
            Figure(
                f"plain script, 20 minutes, {threads} thread{'s'[: threads - 1]}",
                f"{times(ran.work_s)}; {ran.wall_s - ran.work_s:.1f} s before",
            )
            for threads, ran in plain.items()
        ),
        Figure("`reelay run`, the same, cold", times(Repeats([ran.wall_s for ran in cold]).median)),
        Figure("`reelay`, other 20 minutes, warm", times(Repeats(warm).median)),
        below(
            "warm against the plain script's better",
            Repeats([seconds / best.work_s for seconds in warm]),
            0.6,
            "",
            ".2f",
        ),
        below(
            "cold against the plain script's better",
            Repeats([ran.wall_s / best.wall_s for ran in cold]),
            1.0,
            "",
            ".2f",
        ),
        below(
            "cold start of `reelay run`: one minute, cold less warm",
            Repeats([wall - short.median for wall in cold_short.values]),
            5,
            "s",
        ),
        Figure(
            "processor time of the plain script, one thread; two",
            "; ".join(f"{ran.processor_s:.0f} s" for ran in plain.values()),
        ),
        Figure("processor time of `reelay run`", f"{cold[0].processor_s:.0f} s"),
        *_errors(video.words, best, cold[0]),
        Figure("memory of the plain script, peak", f"{best.memory.peak_bytes / _MB:.0f} MB"),
        Figure(
            "memory of `reelay run`, peak, all processes", f"{cold[0].memory.peak_bytes / _MB:.0f} MB"
        ),
    ]


def _errors(said: str, plain: Ran, reelay: Ran) -> list[Figure]:
    """Word error rates. Ours should not be worse by more than a tenth of a percent of the words."""
    script, ours = (100 * jiwer.wer(plain_words(said), plain_words(ran.text)) for ran in (plain, reelay))
    return [
        Figure("word errors of the plain script", f"{script:.2f} %"),
        Figure(
            "word errors of `reelay run`", f"{ours:.2f} %", "no more than the script's", ours <= script
        ),
    ]


def plain_words(text: str) -> str:
    """The words without case and punctuation, which a recogniser may choose freely."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))
