"""Settings of the gateway, read once from the environment."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

_MAPPED_BITS = 96
"""RFC 4291, 2.5.5.2: what comes before an IPv4 address within one of IPv6."""

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/*A-Z\s]+")
"""As browsers write it, in lower case: any other would be the origin of no page."""


class GatewaySettings(BaseSettings):
    """How the gateway serves (`REELAY_GATEWAY_…`). Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="REELAY_GATEWAY_", frozen=True, extra="ignore", populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="address to listen on; any but loopback needs API keys")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0: any free one")
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="proxies whose X-Forwarded-Proto and X-Forwarded-For are believed: addresses and"
        " networks such as 10.0.0.0/8, separated by commas",
    )
    page: bool = Field(True, description="whether the web page is served beside the API")
    announce: Literal["event", "note"] = Field(
        "event",
        description="how the pipeline hears of what is asked: event: by the cluster's topics; note: by "
        "notes in the store, which reelay up reads",
    )
    keys: SecretStr = Field(
        SecretStr(""),
        description="API keys as name:scope:sha256, separated by commas; scope: read or write",
    )
    keys_file: str = Field("", description="file with such keys, one in each line")
    session_s: float = Field(
        12 * 3600, gt=0, description="how long somebody who gave a key to the page stays signed in"
    )
    rate_per_s: float = Field(
        100, ge=0, description="requests a second that a key may make in the long run; 0: no limit"
    )
    rate_burst: int = Field(500, ge=1, description="requests that a key may make at once")
    cors_origins: str = Field(
        "", description="origins of other web pages that may use the API, separated by commas"
    )
    max_upload_bytes: int = Field(50 * 2**30, ge=1, description="the largest upload that is accepted")
    max_uploads: int = Field(100, ge=1, description="uploads that are under way at the same time")
    max_name_chars: int = Field(255, ge=1, description="the longest file name that is accepted")
    upload_kept_s: float = Field(
        24 * 3600, ge=1, description="an upload of which nothing came for so long is removed"
    )
    max_caption_bytes: int = Field(
        5 * 2**20, ge=1, description="the largest corrected caption file that is accepted"
    )
    keep_days: float = Field(
        0,
        ge=0,
        validation_alias="REELAY_KEEP_DAYS",
        description="days after which a video is deleted, counted from its last upload; 0: never",
    )
    max_streams: int = Field(200, ge=1, description="clients that follow live events at the same time")
    drain_s: float = Field(10, ge=0, description="how long running requests may go on after SIGTERM")

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the gateway."""
        return is_loopback(self.host)

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: str) -> str:
        try:
            list(_networks(proxies))
        except ValueError as error:
            raise PydanticCustomError("networks", "{why}", {"why": str(error)}) from None
        return proxies

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: str) -> str:
        for origin in _listed(origins):
            if _ORIGIN.fullmatch(origin) is None:
                raise PydanticCustomError(
                    "origin", "expected origins such as https://page.example:8443, without a path"
                )
        return origins

    @property
    def proxies(self) -> list[str]:
        """Networks of trusted proxies, those of IPv4 as a socket for IPv6 sees them, too."""
        networks = list(_networks(self.trusted_proxies))
        mapped = [
            f"::ffff:{network.network_address}/{_MAPPED_BITS + network.prefixlen}"
            for network in networks
            if network.version == 4
        ]
        return [*map(str, networks), *mapped]

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins of other web pages that may use the API."""
        return tuple(_listed(self.cors_origins))


def _listed(text: str) -> Iterator[str]:
    """What is between the commas."""
    return (named for each in text.split(",") if (named := each.strip()))


def _networks(text: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Raises ValueError."""
    return map(ipaddress.ip_network, _listed(text))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
