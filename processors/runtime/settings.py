"""Settings of the runtime, and how any settings class is read: once, at start, from the environment."""

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound=BaseSettings)


class RuntimeSettings(BaseSettings):
    """How a processor runs (`REELAY_RUNTIME_…`). Times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="REELAY_RUNTIME_", frozen=True, extra="ignore")

    workers: int | None = Field(
        None,
        ge=1,
        le=256,
        description="worker processes, so as many records at once; by default what the stage says",
    )
    held_records: int = Field(
        64, ge=1, description="fetched records that wait for a worker, per partition"
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="exactly-once: outputs and progress in one Kafka transaction; at-least-once: for "
        "brokers without transactions, such as the embedded one",
    )
    group_protocol: Literal["classic", "consumer"] = Field(
        "consumer",
        description="consumer: Kafka 4's own (KIP-848); classic: for older brokers and the embedded one",
    )
    max_attempts: int = Field(
        3, ge=1, description="tries of a record that meets bugs or kills its worker"
    )
    give_up_after_s: float = Field(900, ge=0, description="how long transient failures are tried again")
    retry_delay_s: float = Field(1, gt=0, description="delay before the first retry; doubles each time")
    max_retry_delay_s: float = Field(60, gt=0, description="longest delay before a retry")
    max_probe_delay_s: float = Field(10, gt=0, description="longest time between probes of a dependency")
    max_dead_in_row: int = Field(
        10,
        ge=1,
        description="videos given up one after another before the processor stops with an error",
    )
    drain_s: float = Field(30, ge=0, description="how long running work may go on after SIGTERM")
    max_silence_s: float = Field(
        7200,
        gt=0,
        description="how long a worker may say nothing, not even progress, before it is ended",
    )
    transaction_timeout_s: float = Field(
        10,
        ge=1,
        description="how long a transaction may be open: so long, one that a dead process left behind "
        "holds up readers, and the next owner of its partitions",
    )
    session_timeout_s: float = Field(
        10,
        ge=1,
        description="silence after which the group drops a member (classic; otherwise the broker's say)",
    )
    max_poll_interval_s: float = Field(60, ge=10, description="longest time between two polls")
    delivery_timeout_s: float = Field(30, ge=1, description="how long the broker may take for an event")
    http_host: str = Field("127.0.0.1", description="address of /health and /metrics")
    http_port: int = Field(0, ge=-1, le=65535, description="its port; 0: any free one, -1: none")


class SettingsError(Exception):
    """A setting has a wrong value. The message is one line for the person who set it."""


def read_settings(kind: type[S], **given: Any) -> S:
    """The settings of that class: as given, the rest from the environment. Raises SettingsError."""
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        name = (kind.model_config.get("env_prefix", "") + field).upper()
        about = kind.model_fields[field].description if field in kind.model_fields else None
        expected = first["msg"][:1].lower() + first["msg"][1:]
        meaning = f" ({about})" if about else ""
        if first["type"] == "missing":
            raise SettingsError(f"{name} is not set{meaning}") from error
        raise SettingsError(f"{name}={first['input']!r}: {expected}{meaning}") from error
