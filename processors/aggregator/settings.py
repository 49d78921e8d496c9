"""Settings of the aggregator, read once from the environment (`REELAY_AGGREGATOR_…`)."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AggregatorSettings(BaseSettings):
    """How the aggregator runs; where everything is, `Connections` says."""

    model_config = SettingsConfigDict(env_prefix="REELAY_AGGREGATOR_", frozen=True, extra="ignore")

    http_host: str = Field(default="127.0.0.1", description="address of /health and /metrics")
    http_port: int = Field(default=0, ge=-1, le=65535, description="its port; 0: any free one, -1: none")
    max_loop_age_s: float = Field(
        default=60.0, gt=0, description="event loop stuck for so long: no longer live"
    )
    max_work_s: float = Field(
        default=600.0,
        gt=0,
        description="one piece of work (all files of a result) that takes longer hangs: no longer live",
    )
    session_timeout_s: float = Field(
        default=10.0,
        ge=1,
        description="after how long without heartbeats the group takes over partitions",
    )
    commit_interval_s: float = Field(
        default=1.0, gt=0, description="how often offsets are committed; a crash repeats what came since"
    )
    drain_timeout_s: float = Field(
        default=10.0,
        ge=0,
        description="how long a stop waits for the event that is being handled, and then for the broker",
    )
    retry_max_s: float = Field(
        default=10.0, gt=0, description="longest pause between tries while a dependency is down"
    )
    topics_timeout_s: float = Field(
        default=30.0, ge=0, description="how long a start waits for its topics to be there"
    )
    state_folder: Path | None = Field(
        default=None, description="where Faust keeps its (empty) data folder; empty: a temporary one"
    )
