"""Settings of the gateway."""

import pytest
from pydantic import ValidationError

from connectors.gateway.settings import GatewaySettings


def test_origins_of_other_pages_are_listed() -> None:
    origins = "https://friend.example, http://[::1]:8080,,http://localhost:3000"

    assert GatewaySettings(cors_origins=origins).origins == (
        "https://friend.example",
        "http://[::1]:8080",
        "http://localhost:3000",
    )


@pytest.mark.parametrize(
    "origin", ["*", "null", "friend.example", "https://friend.example/", "https://Friend.example"]
)
def test_an_origin_that_no_page_has_is_refused(origin: str) -> None:
    """It would let nobody in, or, as a star, let everybody read and nobody write."""
    with pytest.raises(ValidationError, match="expected origins such as"):
        GatewaySettings(cors_origins=f"https://friend.example,{origin}")
