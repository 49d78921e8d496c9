"""What a command says while it waits for something that does not come."""

import time
from collections.abc import Callable

import click

from connectors.errors import DependencyDown
from ops.cli.place import Place
from ops.cli.text import shown

_FIRST_LOOK_S = 8.0
_SELDOM_S = 60.0


class Patience:
    """Looks now and then, ever more seldom, whether anybody works on what is waited for, and says on
    standard error what is in the way; each thing once."""

    def __init__(self, place: Place, what: str, is_heard_of: Callable[[], bool] = lambda: True) -> None:
        """what: is waited for. is_heard_of: whether the pipeline said something about it lately; asked
        only where nothing is seen to be in the way. May raise DependencyDown."""
        self._place = place
        self._what = what
        self._is_heard_of = is_heard_of
        self._said: set[str] = set()
        self._pause_s = _FIRST_LOOK_S
        self._look_at = time.monotonic() + self._pause_s

    def tick(self) -> None:
        """To be called a few times a second while the wait lasts; some calls take seconds."""
        if time.monotonic() < self._look_at:
            return
        why = self._why()
        if why is not None and why not in self._said:
            self._said.add(why)
            text = f"Still waiting for {shown(self._what)}: {shown(why)}."
            click.echo(f"{text} See {shown(self._place.status_command)}", err=True)
        self._pause_s = min(2 * self._pause_s, _SELDOM_S)
        self._look_at = time.monotonic() + self._pause_s

    def _why(self) -> str | None:
        if (obstacle := self._place.obstacle()) is not None:
            return obstacle
        try:
            return None if self._is_heard_of() else "nothing is heard of it"
        except DependencyDown as error:
            return f"{error.dependency} is down: {error.reason}"
