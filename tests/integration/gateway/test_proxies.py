"""A gateway behind proxies: whom it believes what a request was before it came through one."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError

from connectors.gateway.settings import GatewaySettings
from tests.integration.gateway.serving import DEADLINE_S, SECRET, Place, keys, serving

SESSION = "/api/v1/session"
PROXY, STRANGER = "127.0.0.9", "127.0.0.10"


@pytest.fixture
def behind(place: Place) -> Iterator[httpx.Client]:
    """A gateway that trusts the proxies of a network; nobody may ask it more than twice."""
    with serving(
        place.connections,
        trusted_proxies="127.0.0.8/31, ::1",
        rate_per_s=0.001,
        rate_burst=2,
        **keys(),
    ) as client:
        yield client


def coming_from(gateway: httpx.Client, address: str) -> httpx.Client:
    """A client of that gateway at another address of this machine."""
    return httpx.Client(
        base_url=gateway.base_url,
        timeout=DEADLINE_S,
        transport=httpx.HTTPTransport(local_address=address),
    )


def is_secure(answer: httpx.Response) -> bool:
    """Whether the cookie that it sets is for HTTPS alone."""
    assert answer.status_code == 200, answer.text
    return "secure" in answer.headers["set-cookie"].lower().split("; ")


@pytest.mark.parametrize(
    ("address", "proto", "secure"),
    [
        (PROXY, "https", True),
        (PROXY, "http", False),
        (PROXY, None, False),
        (STRANGER, "https", False),
    ],
)
def test_the_cookie_is_secure_if_a_trusted_proxy_says_that_it_was_https(
    behind: httpx.Client, address: str, proto: str | None, secure: bool
) -> None:
    headers = {"X-Forwarded-Proto": proto} if proto else {}
    with coming_from(behind, address) as client:
        answer = client.post(SESSION, json={"key": SECRET}, headers=headers)
        assert is_secure(answer) is secure


def statuses(client: httpx.Client, *forwarded_for: str) -> list[int]:
    """What requests without a key are answered, one for each value of the header."""
    return [client.get(SESSION, headers={"X-Forwarded-For": each}).status_code for each in forwarded_for]


def test_who_comes_through_a_trusted_proxy_is_limited_alone(behind: httpx.Client) -> None:
    with coming_from(behind, PROXY) as proxy:
        assert statuses(proxy, *["198.51.100.1"] * 3) == [200, 200, 429]
        assert statuses(proxy, *["198.51.100.2"] * 3) == [200, 200, 429]


def test_what_clients_say_to_a_trusted_proxy_gives_them_no_more(behind: httpx.Client) -> None:
    made_up = (f"203.0.113.{n}, 198.51.100.3" for n in range(3))
    with coming_from(behind, PROXY) as proxy:
        assert statuses(proxy, *made_up) == [200, 200, 429]


def test_who_is_no_trusted_proxy_is_limited_whomever_it_speaks_for(behind: httpx.Client) -> None:
    with coming_from(behind, STRANGER) as stranger:
        assert statuses(stranger, *(f"198.51.100.{n}" for n in range(3))) == [200, 200, 429]


@pytest.mark.parametrize("value", ["proxy.internal", "10.0.0.1/8", "*", "10.0.0.0/8;::1"])
def test_a_proxy_is_an_address_or_a_network(value: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        GatewaySettings(trusted_proxies=value)


def test_a_proxy_is_trusted_on_a_socket_for_both_kinds_of_addresses_too() -> None:
    assert GatewaySettings(trusted_proxies=" 10.0.0.0/8,, ::1").proxies == [
        "10.0.0.0/8",
        "::1/128",
        "::ffff:10.0.0.0/104",
    ]
    assert GatewaySettings(trusted_proxies="").proxies == []
