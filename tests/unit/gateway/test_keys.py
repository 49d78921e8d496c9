"""API keys, and the page's sign-in."""

import hashlib
import time
from pathlib import Path

import pytest

from connectors.gateway.keys import KeyRing, KeysUnusable, Scope, load_keys, new_key
from connectors.gateway.limits import Buckets
from connectors.gateway.sessions import Sessions
from connectors.gateway.settings import GatewaySettings
from connectors.objectstore import FolderStore

DIGEST = hashlib.sha256(b"secret-key").hexdigest()


def ring(keys: str = "", keys_file: str = "", host: str = "127.0.0.1") -> KeyRing:
    return load_keys(GatewaySettings(keys=keys, keys_file=keys_file, host=host))  # type: ignore[arg-type]


def test_keys_come_from_the_setting_and_from_the_file(tmp_path: Path) -> None:
    key, line = new_key("backup", Scope.READ)
    file = tmp_path / "keys"
    file.write_text(f"# who may read\n\n{line}\n")

    found = ring(f"page:write:{DIGEST}", str(file))

    assert found.find("secret-key") == found.named("page")
    assert found.find(key) == found.named("backup")
    assert found.find("secret-kez") is None
    assert found.find("") is None
    assert key not in line


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "gateway.example"])
def test_an_address_that_others_reach_needs_keys(host: str) -> None:
    with pytest.raises(KeysUnusable, match="needs API keys"):
        ring(host=host)
    assert ring(f"page:write:{DIGEST}", host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_loopback_does_without(host: str) -> None:
    assert not ring(host=host)


@pytest.mark.parametrize(
    "keys",
    ["secret", f"page:admin:{DIGEST}", "page:write:abc", f":write:{DIGEST}", f"a b:read:{DIGEST}"],
)
def test_a_wrong_entry_is_told_without_what_is_in_it(keys: str) -> None:
    with pytest.raises(KeysUnusable, match="entry 1 is no name:scope:sha256") as caught:
        ring(keys)
    assert keys not in str(caught.value)


def test_two_keys_of_one_name_and_a_file_without_any_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable, match="two API keys of the name page"):
        ring(f"page:write:{DIGEST},page:read:{DIGEST}")
    with pytest.raises(KeysUnusable, match="No such file"):
        ring(keys_file=str(tmp_path / "none"))
    (tmp_path / "empty").write_text("# none yet\n")
    with pytest.raises(KeysUnusable, match="no key in it"):
        ring(keys_file=str(tmp_path / "empty"))


def test_no_digest_is_shown() -> None:
    assert DIGEST not in repr(GatewaySettings(keys=f"page:write:{DIGEST}"))  # type: ignore[arg-type]
    assert str(bytes.fromhex(DIGEST)) not in repr(ring(f"page:write:{DIGEST}"))


def test_a_session_is_known_to_every_gateway_of_the_store_and_to_no_other(tmp_path: Path) -> None:
    keys = ring(f"page:write:{DIGEST}")
    here, there = (Sessions(FolderStore(tmp_path / "one"), keys, 60) for _ in range(2))
    elsewhere = Sessions(FolderStore(tmp_path / "two"), keys, 60)

    cookie = here.begin(keys.keys[0])

    found = there.find(cookie)
    assert found is not None
    assert found.key == keys.keys[0]
    assert time.time() < found.until <= time.time() + 60
    assert elsewhere.find(cookie) is None


def test_a_session_ends_in_time_and_with_its_key(tmp_path: Path) -> None:
    keys = ring(f"page:write:{DIGEST}")
    store = FolderStore(tmp_path)
    other = ring(f"page:write:{hashlib.sha256(b'a new one').hexdigest()}")

    assert Sessions(store, keys, -1).find(Sessions(store, keys, -1).begin(keys.keys[0])) is None
    cookie = Sessions(store, keys, 60).begin(keys.keys[0])
    assert Sessions(store, other, 60).find(cookie) is None


@pytest.mark.parametrize(
    "change", ["page", "page.", "page.9999999999.", "x.9999999999.00", "page.é.é", "..", ""]
)
def test_a_forged_session_is_none(tmp_path: Path, change: str) -> None:
    keys = ring(f"page:write:{DIGEST}")
    assert Sessions(FolderStore(tmp_path), keys, 60).find(change) is None


def test_a_bucket_lets_a_burst_through_and_then_says_how_long_to_wait() -> None:
    buckets = Buckets(per_s=0.5, burst=3)

    assert [buckets.wait_s("one") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.wait_s("another") == 0


def test_no_rate_is_no_limit() -> None:
    buckets = Buckets(per_s=0, burst=1)
    assert {buckets.wait_s("one") for _ in range(100)} == {0}
