"""The enricher's settings."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnricherSettings(BaseSettings):
    """How a segment's words are enriched (`REELAY_ENRICHER_…`)."""

    model_config = SettingsConfigDict(env_prefix="REELAY_ENRICHER_", frozen=True, extra="ignore")

    keywords: int = Field(default=12, ge=0, le=100, description="most keywords that a segment is given")
