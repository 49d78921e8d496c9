"""A dependency that is down: when to look whether it is back. Pure.

Looks are spaced 1, 2, 4, … seconds up to the longest delay; one is under way at a time. A look need not
see what is wrong (it asks for the store, and the registry is down): then the work that it lets through
finds the outage again, and the looks go on as if there had been no end.
"""

import math
from dataclasses import dataclass

_FIRST_DELAY_S = 1.0
_SETTLED_S = 10.0
"""An outage that begins so soon after the end of another is the same."""


@dataclass(slots=True)
class Outage:
    """The outage under way, if any. Times are monotonic seconds."""

    max_delay_s: float
    dependency: str | None = None
    probing: bool = False
    _delay_s: float = 0.0
    _due_at: float = 0.0
    _ended_at: float = -math.inf

    def began(self, dependency: str, now: float) -> bool:
        """A job found a dependency down. False if that was known."""
        if self.dependency is not None:
            return False
        self.dependency, self.probing = dependency, False
        goes_on = now - self._ended_at < max(_SETTLED_S, self._delay_s)
        self._delay_s = min(self._delay_s * 2 if goes_on else _FIRST_DELAY_S, self.max_delay_s)
        self._due_at = now + self._delay_s
        return True

    def probe_due(self, now: float) -> bool:
        """Whether to look now."""
        return self.dependency is not None and not self.probing and now >= self._due_at

    def probed(self, still_down: bool, now: float) -> None:
        """What a look found."""
        self.probing = False
        if not still_down:
            self.dependency, self._ended_at = None, now
            return
        self._delay_s = min(self._delay_s * 2, self.max_delay_s)
        self._due_at = now + self._delay_s
