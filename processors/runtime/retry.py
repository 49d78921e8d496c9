"""When a failed record is tried again, and when it is given up. Pure.

A transient failure is tried again until `give_up_after_s` have passed since the record first failed. A
bug or a dead worker process counts against `max_attempts`. Whatever cannot be processed at all (poison)
is given up at once.
"""

import zlib
from dataclasses import dataclass, replace

from schemas.events import FailureKind

_COUNTED = frozenset({FailureKind.BUG, FailureKind.CRASH})
_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be. Delays double from `first_delay_s` up to `max_delay_s`."""

    give_up_after_s: float
    max_attempts: int
    first_delay_s: float
    max_delay_s: float


@dataclass(frozen=True, slots=True)
class Tries:
    """What a record has been through.

    attempt: the number of this try, from 1. faults: tries that ended by a bug or a dead worker.
    first_failed_ms, not_before_ms: Unix time; None before the first failure.
    """

    attempt: int = 1
    faults: int = 0
    first_failed_ms: int | None = None
    not_before_ms: int | None = None


def after_failure(
    tries: Tries, kind: FailureKind, policy: RetryPolicy, *, now_ms: int, seed: str
) -> Tries | None:
    """The next try of a record whose try `tries` just failed; None to give it up.

    seed: names the record. It spreads delays by up to a quarter to either side, the same way each time.
    """
    faults = tries.faults + (kind in _COUNTED)
    if kind not in _COUNTED | {FailureKind.TRANSIENT} or faults >= policy.max_attempts:
        return None
    first_failed_ms = now_ms if tries.first_failed_ms is None else tries.first_failed_ms
    spread = 1 - _SPREAD + 2 * _SPREAD * zlib.crc32(f"{seed}/{tries.attempt}".encode()) / 2**32
    delay_s = min(policy.max_delay_s, policy.first_delay_s * 2 ** min(tries.attempt - 1, 30)) * spread
    not_before_ms = now_ms + round(delay_s * 1000)
    if not_before_ms > first_failed_ms + policy.give_up_after_s * 1000:
        return None
    return replace(
        tries,
        attempt=tries.attempt + 1,
        faults=faults,
        first_failed_ms=first_failed_ms,
        not_before_ms=not_before_ms,
    )


def is_due(tries: Tries, policy: RetryPolicy, *, now_ms: int) -> bool:
    """Whether the record may be tried now.

    It holds up the others of its partition until then, so a time further off than any delay is not
    believed: a clock is wrong, here or where the time was written.
    """
    if tries.not_before_ms is None or tries.not_before_ms <= now_ms:
        return True
    return tries.not_before_ms - now_ms > policy.max_delay_s * (1 + _SPREAD) * 1000
