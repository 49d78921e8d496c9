"""The API on a store in which anybody may have written anything."""

from dataclasses import replace

import httpx

from schemas.outcomes import MAX_REVISION, outcome_key
from schemas.uploads import dump_upload, load_upload, upload_key
from tests.integration.gateway.serving import Place


def test_no_revision_follows_the_last_number(gateway: httpx.Client, place: Place) -> None:
    place.complete("last")
    upload = load_upload(place.store.get(upload_key("last", 1)))
    last = replace(upload, revision=MAX_REVISION)
    place.store.put(upload_key("last", MAX_REVISION), dump_upload(last))

    answer = gateway.post("/api/v1/videos/last/replay", json={"model": "small"})

    assert answer.status_code == 409
    assert answer.json()["title"] == "No number left"


def test_a_video_whose_outcome_cannot_be_read_can_be_done_again(
    gateway: httpx.Client, place: Place
) -> None:
    place.complete("garbled")
    options = load_upload(place.store.get(upload_key("garbled", 1))).options
    place.complete("garbled", revision=2)
    place.store.put(outcome_key("garbled", 2), b"garbage")

    answer = gateway.post("/api/v1/videos/garbled/replay", json={"language": options.language})

    assert answer.status_code == 202
    assert answer.json()["revision"] == 3
