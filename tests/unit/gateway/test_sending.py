"""File names in headers, and what files are sent as."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from connectors.gateway.media_types import UNKNOWN, media_type_of
from connectors.gateway.problems import Problem
from connectors.gateway.sending import Sendable, disposition, file_blocks, send


@given(st.text(), st.booleans())
def test_no_file_name_breaks_a_header(name: str, inline: bool) -> None:
    header = disposition(name, inline=inline)

    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert header.split(";")[0] == ("inline" if inline else "attachment")
    header.encode("latin-1")


def test_names_are_kept_as_far_as_each_form_can() -> None:
    assert disposition("Über uns.mp4", inline=False) == (
        "attachment; filename=\"ber_uns.mp4\"; filename*=UTF-8''%C3%9Cber%20uns.mp4"
    )


@pytest.mark.parametrize(
    "name", ["a.html", "a.svg", "a.xhtml", "a.js", "a.xml", "a", "a.mp4.html", ".htaccess"]
)
def test_what_a_browser_could_run_has_no_type_of_its_own(name: str) -> None:
    assert media_type_of(name) == UNKNOWN


def test_players_learn_what_they_get() -> None:
    assert media_type_of("TALK.MP4") == "video/mp4"
    assert media_type_of("captions.en.transcribed.vtt") == "text/vtt"


@pytest.mark.parametrize("kind", ["gone", "no file"])
def test_a_file_of_this_machine_that_cannot_be_read_is_not_found(tmp_path: Path, kind: str) -> None:
    """As one that went away, or that the gateway's user may not read."""
    path = tmp_path / "gone.mp4" if kind == "gone" else tmp_path
    what = Sendable("a.mp4", "a.mp4", size_bytes=9, tag="a", read=file_blocks(path))
    request = Request({"type": "http", "method": "GET", "headers": []})

    with pytest.raises(Problem) as raised:
        asyncio.run(send(request, what, download=False))

    assert raised.value.status == 404
