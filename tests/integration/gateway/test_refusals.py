"""What the gateway refuses, and that it says so plainly and gives nothing away."""

import http.client
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.integration.gateway.serving import READING, SECRET, VTT, Place, keys, serving

VIDEOS = "/api/v1/videos"
REELAY = Path(sys.executable).with_name("reelay")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def refused(answer: httpx.Response, status: int) -> str:
    """Check that it is a problem of that status; what it says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:reelay:problem:")
    assert problem["title"]
    return str(problem["detail"])


def raw(gateway: httpx.Client, method: str, path: str) -> tuple[int, str | None]:
    """A request with the path as it is, which httpx would tidy up; status and type of the answer."""
    url = gateway.base_url
    connection = http.client.HTTPConnection(url.host, url.port, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    connection.close()
    return answer.status, answer.getheader("Content-Type")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", VIDEOS),
        ("GET", f"{VIDEOS}/v/files/a"),
        ("GET", "/api/v1/events"),
        ("GET", "/api/v1/search?q=a"),
        ("PUT", "/api/v1/upload/a.mp4"),
        ("POST", "/api/v1/tus"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/metrics"),
    ],
)
def test_without_a_key_nothing_is_told(guarded: httpx.Client, method: str, path: str) -> None:
    answer = guarded.request(method, path)
    refused(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic YTpi", "Bearer \xff", SECRET])
def test_a_wrong_key_is_none(guarded: httpx.Client, header: str) -> None:
    refused(guarded.get(VIDEOS, headers={"Authorization": header.encode("latin-1")}), 401)


def test_a_key_for_reading_does_not_write(guarded: httpx.Client, place: Place) -> None:
    place.fail("scoped")
    assert guarded.get(f"{VIDEOS}/scoped", headers=bearer(READING)).status_code == 200
    refused(guarded.post(f"{VIDEOS}/scoped/retry", headers=bearer(READING)), 403)
    refused(guarded.delete(f"{VIDEOS}/scoped", headers=bearer(READING)), 403)
    refused(guarded.put("/api/v1/upload/a.mp4", headers=bearer(READING), content=b"x"), 403)
    assert guarded.post(f"{VIDEOS}/scoped/retry", headers=bearer(SECRET)).status_code == 202


def test_health_and_the_page_need_no_key(guarded: httpx.Client) -> None:
    assert guarded.get("/health/live").text == "live\n"
    assert guarded.get("/health/ready").json() == {"store": True, "catalogue": True, "broker": True}
    assert guarded.get("/").headers["content-type"].startswith("text/html")
    assert guarded.get("/api/v1/session").json() == {"keys": True, "name": None, "scope": None}


def test_the_pages_cookie_is_as_good_as_its_key_at_every_gateway(
    guarded: httpx.Client, place: Place
) -> None:
    refused(guarded.post("/api/v1/session", json={"key": "wrong"}), 401)
    answer = guarded.post("/api/v1/session", json={"key": SECRET})
    cookie = answer.headers["set-cookie"]
    guarded.cookies.clear()

    assert answer.json() == {"keys": True, "name": "page", "scope": "write"}
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert SECRET not in cookie
    with serving(place.connections, **keys()) as another:
        value = {"Cookie": cookie.partition(";")[0]}
        assert another.get(VIDEOS, headers=value).status_code == 200
        assert another.get("/api/v1/session", headers=value).json()["name"] == "page"
        forged = {"Cookie": cookie.partition(";")[0].replace("page.", "graphs.")}
        refused(another.get(VIDEOS, headers=forged), 401)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://["},
    ],
)
def test_another_site_changes_nothing(gateway: httpx.Client, headers: dict[str, str]) -> None:
    refused(gateway.post(f"{VIDEOS}/any/cancel", headers=headers), 403)
    refused(gateway.delete(f"{VIDEOS}/any", headers=headers), 403)


def test_our_own_page_and_allowed_ones_may_write(gateway: httpx.Client, place: Place) -> None:
    own = str(gateway.base_url).rstrip("/")
    ours = {"Origin": own, "Sec-Fetch-Site": "same-origin"}
    refused(gateway.post(f"{VIDEOS}/any/cancel", headers=ours), 404)
    with serving(place.connections, cors_origins="https://friend.example") as open_to_one:
        theirs = {"Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"}
        answer = open_to_one.post(f"{VIDEOS}/any/cancel", headers=theirs)
        refused(answer, 404)
        assert answer.headers["access-control-allow-origin"] == "https://friend.example"
    assert "access-control-allow-origin" not in gateway.get(VIDEOS, headers=theirs).headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "[", "", "127.0.0.1.evil.example"]
)
def test_without_keys_no_other_name_leads_here(gateway: httpx.Client, host: str) -> None:
    refused(gateway.get(VIDEOS, headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080"])
def test_names_of_this_machine_do(gateway: httpx.Client, host: str) -> None:
    assert gateway.get(VIDEOS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "%2fetc%2fpasswd",
        "a%5cb",
        "a%00b",
        "a%0d%0ab",
        "x" * 300,
        "%c3%28",
        "C:",
    ],
)
def test_no_id_leads_elsewhere(gateway: httpx.Client, path: str) -> None:
    for method, rest in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/source"),
        ("GET", "/timeline"),
        ("GET", "/files/upload.json"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
    ):
        status, kind = raw(gateway, method, f"{VIDEOS}/{path}{rest}")
        assert (status, kind) == (404, "application/problem+json"), (method, rest)


@pytest.mark.parametrize(
    "name",
    [
        "upload.json",
        "outcome.json",
        "..%2fupload.json",
        "..",
        "0123%2ftranscript.json",
        "%2e%2e%2f%2e%2e",
    ],
)
def test_only_files_that_the_outcome_names_are_sent(
    gateway: httpx.Client, place: Place, name: str
) -> None:
    place.complete("named")
    assert raw(gateway, "GET", f"{VIDEOS}/named/files/{name}")[0] == 404


def test_a_file_on_this_machine_is_sent_from_allowed_folders_alone(
    gateway: httpx.Client, place: Place, tmp_path: Path
) -> None:
    films = Path(place.connections.local_roots)
    films.mkdir(exist_ok=True)
    (films / "mine.mp4").write_bytes(b"mine")
    (tmp_path / "other.mp4").write_bytes(b"other")
    (films / "link.mp4").symlink_to(tmp_path / "other.mp4")
    for n, (path, status) in enumerate(
        [
            (films / "mine.mp4", 200),
            (tmp_path / "other.mp4", 404),
            (films / "link.mp4", 404),
            (films / ".." / ".." / "other.mp4", 404),
            (films, 404),
            (films / "gone.mp4", 404),
        ]
    ):
        place.upload(f"local{n}", source=f"file://{path}")
        assert gateway.get(f"{VIDEOS}/local{n}/source").status_code == status, path


def test_names_of_files_break_no_header_and_run_in_no_browser(
    gateway: httpx.Client, place: Place
) -> None:
    name = 'a"; x=y\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>.html'
    place.upload("evil", name=name, data=b"<script>alert(1)</script>", source="uploads/evil/a")
    place.store.put("uploads/evil/a", b"<script>alert(1)</script>")

    answer = gateway.get(f"{VIDEOS}/evil/source")

    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert gateway.get(f"{VIDEOS}/evil").json()["name"] == name


@pytest.mark.parametrize("model", ["/etc/passwd", "../model", "a/b", "a\\b", "", "x" * 200, "~root", 7])
def test_a_model_is_a_name_and_no_path(gateway: httpx.Client, place: Place, model: object) -> None:
    place.complete("model")
    refused(gateway.post(f"{VIDEOS}/model/replay", json={"model": model}), 422)
    if isinstance(model, str) and model:
        answer = gateway.put(f"/api/v1/upload/a.mp4?model={httpx.QueryParams({'m': model})['m']}")
        assert answer.status_code in (400, 422)


def test_bodies_that_are_too_large_or_of_the_wrong_form_are_refused(
    gateway: httpx.Client, place: Place
) -> None:
    place.complete("bodies")
    replay, captions = f"{VIDEOS}/bodies/replay", f"{VIDEOS}/bodies/captions/en"
    vtt = {"Content-Type": "text/vtt"}
    refused(gateway.post(replay, content=b" " * 100_000), 413)
    for body in (b"[]", b"{", b'{"language": "english!"}', b'{"colour": "blue"}', b"\xff"):
        refused(gateway.post(replay, content=body), 422)
    with serving(place.connections, max_caption_bytes=100) as small:
        refused(small.put(captions, content=VTT + b"\n" * 200, headers=vtt), 413)
    refused(gateway.put(captions, content=VTT), 415)
    refused(gateway.put(captions, content=VTT, headers={"Content-Type": "text/html"}), 415)
    refused(gateway.put(f"{VIDEOS}/bodies/captions/no%20tag", content=VTT, headers=vtt), 422)
    answer = gateway.put(captions, content=b"WEBVTT\n\n00:01 --> 00:02\nx\n", headers=vtt)
    assert "Line 3" in refused(answer, 422)
    assert answer.json()["line"] == 3


def test_who_asks_too_often_is_told_when_to_ask_again(place: Place) -> None:
    with serving(place.connections, rate_per_s=0.001, rate_burst=3, **keys()) as slow:
        statuses = [slow.get(VIDEOS, headers=bearer(SECRET)).status_code for _ in range(3)]
        limited = slow.get(VIDEOS, headers=bearer(SECRET))
        assert statuses == [200] * 3
        refused(limited, 429)
        assert 500 < int(limited.headers["retry-after"]) <= 1000
        assert slow.get(VIDEOS, headers=bearer(READING)).status_code == 200


def test_what_the_framework_refuses_is_a_problem_too(gateway: httpx.Client) -> None:
    refused(gateway.get("/nothing/here"), 404)
    assert "allow" in gateway.delete(VIDEOS).headers
    refused(gateway.delete(VIDEOS), 405)
    assert "limit" in refused(gateway.get(f"{VIDEOS}?limit=0"), 422)
    refused(gateway.get(f"{VIDEOS}?state=lost"), 422)
    refused(gateway.get(f"{VIDEOS}?cursor=made-up"), 422)
    refused(gateway.get("/api/v1/search"), 422)
    refused(gateway.get("/api/v1/search?q=a&since=yesterday"), 422)


def test_a_store_that_is_down_is_told_without_its_address(place: Place) -> None:
    down = {
        "store_url": "s3://bucket",
        "store_endpoint": "http://127.0.0.1:1",
        "store_access_key": "someone",
        "store_secret_key": SecretStr("1234"),
    }
    with serving(place.connections.model_copy(update=down)) as gateway:
        answer = gateway.post(f"{VIDEOS}/any/retry")
        assert "object store" in refused(answer, 503)
        assert answer.headers["retry-after"]
        assert "127.0.0.1" not in answer.text
        assert gateway.get("/health/ready").json()["store"] is False


def test_an_error_in_the_program_gives_nothing_away(place: Place) -> None:
    def broken() -> None:
        raise RuntimeError("the password is 1234")

    with serving(place.connections, lambda app: app.add_api_route("/api/v1/broken", broken)) as gateway:
        answer = gateway.get("/api/v1/broken")
        refused(answer, 500)
        assert "1234" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_other_machines_are_served_with_keys_only(place: Place) -> None:
    done = subprocess.run(
        [REELAY, "gateway", "--host", "0.0.0.0", "--port", "0"],
        env=place.connections.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "needs API keys" in done.stderr


def test_requests_are_counted_by_route_and_who_changed_something_is_logged(
    guarded: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "reelay.gateway"):
        guarded.post(f"{VIDEOS}/counted/cancel", headers=bearer(SECRET))
        guarded.get(f"{VIDEOS}/counted", headers=bearer(READING))
        guarded.get("/videos/counted")
    metrics = guarded.get("/metrics", headers=bearer(READING)).text
    for route in ("/api/v1/videos/{video_id}/cancel", "/api/v1/videos/{video_id}", "page"):
        assert f'route="{route}"' in metrics
    [line] = [record for record in caplog.records if "counted" in record.getMessage()]
    assert line.getMessage() == f"POST {VIDEOS}/counted/cancel: 404"
    assert getattr(line, "fields")["key"] == "page"  # noqa: B009
    assert SECRET not in caplog.text
