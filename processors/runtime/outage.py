"""A dependency that is down: when to look whether it is back. Pure.

Looks are spaced 1, 2, 4, … seconds up to the longest delay; one is under way at a time.
"""

from dataclasses import dataclass

_FIRST_DELAY_S = 1.0


@dataclass(slots=True)
class Outage:
    """The outage under way, if any. Times are monotonic seconds."""

    max_delay_s: float
    dependency: str | None = None
    probing: bool = False
    _delay_s: float = _FIRST_DELAY_S
    _due_at: float = 0.0

    def began(self, dependency: str, now: float) -> bool:
        """A job found a dependency down. False if that was known."""
        if self.dependency is not None:
            return False
        self.dependency, self.probing = dependency, False
        self._delay_s = min(_FIRST_DELAY_S, self.max_delay_s)
        self._due_at = now + self._delay_s
        return True

    def probe_due(self, now: float) -> bool:
        """Whether to look now."""
        return self.dependency is not None and not self.probing and now >= self._due_at

    def probed(self, still_down: bool, now: float) -> None:
        """What a look found."""
        self.probing = False
        if not still_down:
            self.dependency = None
            return
        self._delay_s = min(self._delay_s * 2, self.max_delay_s)
        self._due_at = now + self._delay_s
