"""Every metric of the aggregator, each with a word to the person who reads its graph."""

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

# from writing a row to rendering ten hours of speech
_WORK_BUCKETS_S = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Metrics:
    """One process's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.outcomes = Counter(
            "reelay_outcomes_total",
            "Revisions that ended, by outcome's event. VideoFailed rising alone: look at the stages.",
            ["outcome"],
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "reelay_aggregator_dead_letters_total",
            "Records whose bytes nobody could read. Should stay flat.",
            registry=self.registry,
        )
        self.work = Histogram(
            "reelay_aggregator_work_seconds",
            "How long a record took, waiting for a dependency included.",
            buckets=_WORK_BUCKETS_S,
            registry=self.registry,
        )
        self.waits = Counter(
            "reelay_aggregator_waits_total",
            "Tries that found a dependency down. Rising: that dependency wants an operator.",
            ["dependency"],
            registry=self.registry,
        )
