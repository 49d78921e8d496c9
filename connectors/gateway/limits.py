"""How often somebody may ask: a token bucket for each."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

_MOST = 10_000
"""Buckets that are kept; the ones unused for longest go first, and are full by then in most cases."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """One bucket for each name: `burst` tokens at most, `per_s` new ones a second (0: no limit)."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, name: str) -> int:
        """Take a token; 0 if there was one, else in how many whole seconds there will be."""
        if self._per_s == 0:
            return 0
        now = time.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        earned = (now - bucket.filled_at) * self._per_s
        bucket.tokens = min(self._burst, bucket.tokens + earned)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return math.ceil((1 - bucket.tokens) / self._per_s)
        bucket.tokens -= 1
        return 0
