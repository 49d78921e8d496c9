"""Where everything is: the settings that every Reelay program shares, read once from the environment."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "REELAY_"

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
]
"""In capitals or not."""


class Connections(BaseSettings):
    """Addresses of the broker, the schema registry and the object store, and what they ask for
    (`REELAY_…`)."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    kafka_brokers: str = Field(description="Kafka bootstrap servers, host:port[,host:port…]")
    kafka_tls: bool = Field(False, description="whether Kafka is reached by TLS")
    kafka_username: str = Field("", description="SASL user name; empty: no authentication")
    kafka_password: SecretStr = Field(SecretStr(""), description="SASL password")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="how the user is authenticated"
    )
    registry_url: str = Field("", description="schema registry's URL; empty: ids are fingerprints")
    registry_username: str = Field("", description="user name of the registry; empty: none is sent")
    registry_password: SecretStr = Field(SecretStr(""), description="password of the registry")
    store_url: str = Field(description="object store: file:///folder or s3://bucket[/prefix]")
    store_endpoint: str = Field("", description="S3 server's URL, http(s)://host[:port]")
    store_region: str = Field("us-east-1", description="S3 region")
    store_access_key: str = Field("", description="S3 access key")
    store_secret_key: SecretStr = Field(SecretStr(""), description="S3 secret key")
    database_url: SecretStr = Field(
        SecretStr(""), description="the catalogue's database: sqlite:///path or postgresql://…"
    )
    scratch_folder: str = Field(
        "",
        description="folder for copies of uploads while they are read; empty: the system's for temporary"
        " files",
    )
    scratch_bytes: int = Field(50 * 2**30, gt=0, description="the largest such copy that is made")
    tls_ca: str = Field(
        "",
        description="PEM file of the authorities that certificates are checked against; "
        "empty: the system's",
    )
    local_roots: str = Field(
        "",
        description="folders, separated by ':', whose files a file: source may name; empty: none",
    )
    log_level: LogLevel = Field("INFO", description="the least important lines that are logged")

    @classmethod
    def only(cls, **given: Any) -> Self:
        """These settings, and the defaults for all others, whatever the environment says."""
        defaults = {
            name: field.get_default()
            for name, field in cls.model_fields.items()
            if not field.is_required()
        }
        return cls(**defaults | given)

    def environment(self) -> dict[str, str]:
        """The environment that makes another program read these very settings. Holds the secrets."""
        return {
            _PREFIX + name.upper(): (
                value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            )
            for name, value in self
        }
