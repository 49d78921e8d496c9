"""Other web pages that may use the API: by a key, and never by the sign-in of who looks at ours."""

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.gateway.serving import SECRET, Place, keys, serving

FRIEND = "https://friend.example"
VIDEOS = "/api/v1/videos"


@pytest.fixture(scope="module")
def signed_in(place: Place) -> Iterator[httpx.Client]:
    """A browser's requests, which bear our page's cookie whoever makes them."""
    with serving(place.connections, cors_origins=FRIEND, **keys()) as client:
        client.post("/api/v1/session", json={"key": SECRET}).raise_for_status()
        yield client


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_allowed_page_does_nothing_by_our_pages_cookie(signed_in: httpx.Client, method: str) -> None:
    path = VIDEOS if method == "GET" else f"{VIDEOS}/any/cancel"

    assert signed_in.request(method, path, headers={"Origin": FRIEND}).status_code == 401


def test_an_allowed_page_may_do_what_its_own_key_is_for(signed_in: httpx.Client) -> None:
    theirs = {"Origin": FRIEND, "Authorization": f"Bearer {SECRET}"}

    assert signed_in.get(VIDEOS, headers=theirs).status_code == 200
    assert signed_in.post(f"{VIDEOS}/any/cancel", headers=theirs).status_code == 404


def test_our_own_page_is_known_by_its_cookie(signed_in: httpx.Client) -> None:
    own = {"Origin": str(signed_in.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}

    assert signed_in.get(VIDEOS).status_code == 200
    assert signed_in.get(VIDEOS, headers=own).status_code == 200
    assert signed_in.post(f"{VIDEOS}/any/cancel", headers=own).status_code == 404


def test_a_wrong_key_is_answered_with_how_a_right_one_is_given(signed_in: httpx.Client) -> None:
    answer = signed_in.post("/api/v1/session", json={"key": "wrong"})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
