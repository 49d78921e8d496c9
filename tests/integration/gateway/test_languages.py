"""One language has one name, however its tag is written."""

import httpx

from schemas.captions import load_captions
from schemas.events import CorrectedCaptions, VideoUploaded
from schemas.uploads import load_upload, upload_key
from tests.integration.gateway.serving import VTT, Place

VIDEOS = "/api/v1/videos"
MEDIA = b"\x1aE\xdf\xa3" + bytes(96)


def revision_of(place: Place, answer: httpx.Response) -> VideoUploaded:
    """The revision that a request began."""
    assert answer.status_code in (201, 202), answer.text
    said = answer.json()
    return load_upload(place.store.get(upload_key(said["video_id"], said["revision"])))


def correct(gateway: httpx.Client, video_id: str, language: str, text: bytes) -> httpx.Response:
    return gateway.put(
        f"{VIDEOS}/{video_id}/captions/{language}",
        content=VTT.replace(b"hello", text),
        headers={"Content-Type": "text/vtt"},
    )


def test_captions_are_corrected_again_however_the_tag_is_written(
    gateway: httpx.Client, place: Place
) -> None:
    place.complete("spelled")
    revisions = [
        revision_of(place, correct(gateway, "spelled", tag, text))
        for tag, text in (("EN", b"one"), ("pt-br", b"two"), ("en", b"three"), ("PT-BR", b"four"))
    ]

    assert [each.language for each in revisions[0].corrected] == ["en"]
    assert {
        each.language: load_captions(place.store.get(each.file.key))[0].lines
        for each in revisions[-1].corrected
    } == {"en": ("three",), "pt-BR": ("four",)}


def test_a_tag_that_others_wrote_otherwise_is_replaced(gateway: httpx.Client, place: Place) -> None:
    """Whoever publishes to the topic by a program of their own writes tags as they like."""
    theirs = CorrectedCaptions(language="EN", file=place.store.put("results/theirs.json", b"[]"))
    place.complete("published", corrected=(theirs,))

    upload = revision_of(place, correct(gateway, "published", "en", b"ours"))

    assert [each.language for each in upload.corrected] == ["en"]


def test_what_is_asked_for_has_the_usual_tag(gateway: httpx.Client, place: Place) -> None:
    place.complete("asked")
    replayed = gateway.post(f"{VIDEOS}/asked/replay", json={"language": "ZH-hant"})
    uploaded = gateway.put("/api/v1/upload/a.mkv?language=EN-gb", content=MEDIA)

    assert revision_of(place, replayed).options.language == "zh-Hant"
    assert revision_of(place, uploaded).options.language == "en-GB"
