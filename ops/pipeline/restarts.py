"""When a process that died is started again. Pure; no clock of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How often what died is started again: the first time after `first_pause_s`, each further time
    after twice as long, up to `longest_pause_s`. Whatever ran for `well_after_s` counts as well again.

    restarts: how many times in a row; None: for ever.
    """

    restarts: int | None = 3
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0
    well_after_s: float = 60.0


A_FEW = Patience()
FOREVER = Patience(restarts=None)


@dataclass(slots=True)
class Restarts:
    """The restarts of one process. Times are of any clock that does not go back."""

    patience: Patience
    began_at: float
    in_a_row: int = 0

    def pause_s(self, now: float) -> float | None:
        """It died: how long to wait before it is started again, None if that is no use any more."""
        if now - self.began_at >= self.patience.well_after_s:
            self.in_a_row = 0
        if self.in_a_row == self.patience.restarts:
            return None
        doublings = min(self.in_a_row, 30)  # a number that a float holds, after weeks of failing too
        self.in_a_row += 1
        return min(self.patience.longest_pause_s, self.patience.first_pause_s * 2.0**doublings)
