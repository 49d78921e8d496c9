"""The embedded broker: the Kafka protocol server that is built into librdkafka.

It serves on loopback, keeps everything in memory, and holds only the newest 5 MB of each partition. It
is librdkafka's mock cluster, made for its own tests; `rdkafka_mock.h` is its public interface. The
Python client can start one by configuration alone (`test.mock.num.brokers`), but then every consumer
group waits three seconds for its first assignment and every topic has four partitions, so it is set up
here through ctypes.
"""

import ctypes
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from uuid import uuid4

from confluent_kafka import cimpl

RETAINED_BYTES = 5 * 1024 * 1024
"""What a partition keeps (librdkafka's `rdkafka_mock.c`); older records are dropped without a word."""

MARK = "reelay.embedded."
"""How the name of the topic begins by which each embedded broker is told from those before it."""

_PRODUCER = 0  # rd_kafka_type_t
_CONF_OK = 0  # rd_kafka_conf_res_t


class EmbeddedBroker:
    """A broker that lives as long as this object, in this process.

    topics: names and partition counts, created before the first client can connect; others appear on
    first use with four partitions. Raises RuntimeError if the broker does not start.
    """

    def __init__(self, topics: Mapping[str, int]) -> None:
        self._lib = _librdkafka()
        self._handle = self._client()
        self._cluster = self._lib.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            self._lib.rd_kafka_destroy(self._handle)
            raise RuntimeError("the embedded broker did not start: no free port on loopback?")
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        # its own cluster id is an address in memory, which the next one may well have too
        marked = {f"{MARK}{uuid4().hex}": 1}
        for name, partitions in {**topics, **marked}.items():
            error = self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
            if error:
                self.close()
                raise RuntimeError(f"the embedded broker did not create topic {name!r}: error {error}")
        self.brokers = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def _client(self) -> int:
        """The librdkafka instance that the broker's thread belongs to; it talks to nobody itself."""
        message = ctypes.create_string_buffer(512)
        conf = self._lib.rd_kafka_conf_new()
        if self._lib.rd_kafka_conf_set(conf, b"log_level", b"3", message, len(message)) != _CONF_OK:
            raise RuntimeError(f"librdkafka: {message.value.decode()}")
        handle = self._lib.rd_kafka_new(_PRODUCER, conf, message, len(message))
        if not handle:
            raise RuntimeError(f"librdkafka: {message.value.decode()}")
        return int(handle)

    def close(self) -> None:
        """Stop serving; all that was stored is gone. A second call does nothing."""
        if self._cluster:
            self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
            self._lib.rd_kafka_destroy(self._handle)
            self._cluster = None

    def __enter__(self) -> "EmbeddedBroker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@cache
def _librdkafka() -> ctypes.CDLL:
    """The very library that the Python client is linked with (symbols are found in its dependencies)."""
    lib = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
