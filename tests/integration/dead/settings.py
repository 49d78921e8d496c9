"""How long a server is away."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class OutageSettings(BaseSettings):
    """Read from the environment (`REELAY_OUTAGE_…`)."""

    model_config = SettingsConfigDict(env_prefix="REELAY_OUTAGE_", frozen=True, extra="ignore")

    seconds: float = Field(
        default=12,
        ge=1,
        description="how long the store is down while the pipeline has work, in seconds",
    )
