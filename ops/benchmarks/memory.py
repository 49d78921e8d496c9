"""The memory of each process with its workers, at two lengths; and the first captions of a long file."""

from ops.benchmarks.figures import Figure, below
from ops.benchmarks.runs import run_reelay
from ops.benchmarks.speech import speech

_SHORT_MINUTES, _LONG_MINUTES = 20, 60
_LIMITS_MB = {"converter": 200, "aggregator": 300}
_PARTS = ("broker", "converter", "transcriber", "enricher", "aggregator", "the rest")
_MB = 10**6
_SAME = 1.1
"""Sizes that differ by less are called equal."""


def measure(long: bool) -> list[Figure]:
    """Takes about three minutes."""
    short = run_reelay(speech(_SHORT_MINUTES).video)
    hour = run_reelay(speech(_LONG_MINUTES).video)
    figures = []
    for part in _PARTS:
        mb = hour.memory.parts[part] / _MB
        what, value = f"memory of {part}, one hour", f"{mb:.0f} MB"
        limit = _LIMITS_MB.get(part)
        figures.append(Figure(what, value) if limit is None else below(what, mb, limit, "MB", ".0f"))
    grown = {part: hour.memory.parts[part] / short.memory.parts[part] for part in _PARTS}
    most = max(grown, key=lambda part: grown[part])
    stages = {stage["stage"]: stage for stage in hour.timeline["stages"]}
    converted_s = hour.after_start_s(stages["converter"]["ended_at"])
    return [
        *figures,
        below(
            f"growth from 20 minutes to 60, the most of any ({most})", grown[most], _SAME, "times", ".2f"
        ),
        below("first captions of one hour, cold", hour.first_words_s, 10, "s"),
        Figure(
            "its conversion ends",
            f"{converted_s:.1f} s",
            "after the first captions",
            converted_s > hour.first_words_s,
        ),
    ]
