"""How long the suites disturb what they watch, and which dice they throw."""

from random import SystemRandom

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChaosSettings(BaseSettings):
    """Read from the environment (`REELAY_CHAOS_…`)."""

    model_config = SettingsConfigDict(env_prefix="REELAY_CHAOS_", frozen=True, extra="ignore")

    seed: int = Field(
        default_factory=lambda: SystemRandom().randrange(10**6),
        description="decides what is published, what is disturbed and after which pause",
    )
    seconds: float = Field(
        default=120, ge=60, description="how long each suite takes, in seconds, on an idle machine"
    )
