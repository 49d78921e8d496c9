"""Where everything is: the settings that every Reelay program shares, read once from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Connections(BaseSettings):
    """Addresses of the broker, the schema registry and the object store (`REELAY_…`)."""

    model_config = SettingsConfigDict(env_prefix="REELAY_", frozen=True, extra="ignore")

    kafka_brokers: str = Field(description="Kafka bootstrap servers, host:port[,host:port…]")
    registry_url: str = Field("", description="schema registry's URL; empty: ids are fingerprints")
    store_url: str = Field(description="object store, file:///folder")
    local_roots: str = Field(
        "",
        description="folders, separated by ':', whose files a file: source may name; empty: none",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
