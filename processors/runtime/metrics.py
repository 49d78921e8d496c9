"""Every metric of the runtime, in one typed list, each with a word to the person who reads its graph."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

# from a look-up to a long render
_WORK_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_COMMIT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)


class Metrics:
    """One process's metrics. Which stage it is, the scraper's `job` label tells."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        self.lag = self._gauge(
            "reelay_lag_records",
            "Records not done yet, by partition. Growing for minutes: add workers or processes.",
            "topic",
            "partition",
        )
        self.running = self._gauge(
            "reelay_jobs_running", "Records being worked on now. At `workers` all the time: saturated."
        )
        self.held = self._gauge("reelay_held_records", "Fetched records that wait here for a worker.")
        self.finished = self._counter(
            "reelay_jobs_total",
            "Tries that ended, by outcome: done, cancelled, lost (the partition moved away), down (put "
            "back), transient, bug, crash, poison. A steady rate of any but done deserves a look.",
            "outcome",
        )
        self.work = self._histogram(
            "reelay_work_seconds", "How long a try took, whatever its outcome.", _WORK_BUCKETS_S
        )
        self.media = self._counter(
            "reelay_media_seconds_total",
            "Seconds of media that were finished. Its rate is the speed as a multiple of real time.",
        )
        self.emitted = self._counter(
            "reelay_events_total", "Events that were emitted, by topic.", "topic"
        )
        self.retries = self._counter(
            "reelay_retries_total", "Records put aside to be tried again, by kind of failure.", "kind"
        )
        self.dead_letters = self._counter(
            "reelay_dead_letters_total",
            "Records given up, by kind of failure. Should stay flat.",
            "kind",
        )
        self.paused = self._gauge(
            "reelay_paused_partitions",
            "Partitions paused, by reason. workers_full is everyday; dependency_down wants an operator.",
            "reason",
        )
        self.commit = self._histogram(
            "reelay_commit_seconds",
            "How long a batch took to be stored: the broker's health.",
            _COMMIT_BUCKETS_S,
        )
        self.commit_failures = self._counter(
            "reelay_commit_failures_total", "Commits the broker refused; a few come with each rebalance."
        )
        self.worker_deaths = self._counter(
            "reelay_worker_deaths_total", "Worker processes that died. Often: too little memory."
        )
        self.rebalances = self._counter(
            "reelay_rebalances_total", "Times that partitions came or went. Often: members come and go."
        )

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, about, registry=self.registry, buckets=buckets)
