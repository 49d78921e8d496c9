"""What clients ask for, in the form that the gateway passes on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.gateway.asking import LANGUAGE, OptionsAsked, canonical
from schemas.events import Options


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("EN", "en"),
        ("en-gb", "en-GB"),
        ("PT-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("SGN-be-FR", "sgn-BE-FR"),
        ("es-419", "es-419"),
        ("SL-ROZAJ-BISKE-1994", "sl-rozaj-biske-1994"),
        ("en-ca-X-CA", "en-CA-x-ca"),
        ("AZ-latn-X-Latn", "az-Latn-x-latn"),
        ("th-th-U-NU-THAI", "th-TH-u-nu-thai"),
        ("Mixed", "mixed"),
        ("en-X", "en-x"),
    ],
)
def test_a_tag_is_written_as_the_standard_recommends(said: str, tag: str) -> None:
    assert canonical(said) == tag


@given(st.from_regex(re.compile(LANGUAGE), fullmatch=True))
def test_a_tag_stays_the_same_tag_however_often_it_is_written(tag: str) -> None:
    written = canonical(tag)
    assert written.lower() == tag.lower()
    assert canonical(written) == written == canonical(tag.upper())
    assert re.fullmatch(LANGUAGE, written)


def test_options_have_the_tag_as_it_is_written() -> None:
    asked = OptionsAsked.model_validate_json('{"language": "PT-br"}', strict=True)
    assert asked.changed(Options()).language == "pt-BR"
    assert OptionsAsked(language=None).changed(Options(language="de")).language is None
