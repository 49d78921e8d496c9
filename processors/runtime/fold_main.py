"""Run one fold until it is told to stop."""

from collections.abc import Callable, Iterable

from connectors.kafka.access import reach
from connectors.settings import Connections
from processors.runtime import logs
from processors.runtime.fold import Fold, FoldLoop
from processors.runtime.main import Exit, exit_of, run_until_told
from processors.runtime.settings import RuntimeSettings
from schemas.topics import Topic


def run_fold(
    name: str,
    topics: Iterable[Topic],
    open_fold: Callable[[], Fold],
    connections: Connections,
    settings: RuntimeSettings,
) -> int:
    """Run a fold in this process, which joins the consumer group `name`; returns the exit status.

    Blocks until SIGTERM or Ctrl-C, or an error that only a new start can mend. Call it from the main
    thread, once per process: it takes over signals and logging. Raises SettingsError.
    """
    logs.configure(connections.log_level)

    def work() -> Exit:
        reach(connections)
        loop = FoldLoop(name, topics, open_fold(), connections, settings)
        return run_until_told(
            loop.run, lambda _: loop.drain(), loop.vitals, loop.metrics.registry, settings
        )

    return exit_of(work)
