"""Which text of a model is believed."""

from dataclasses import replace

import pytest

from processors.transcriber.guards import Evidence, doubt, silent
from processors.transcriber.settings import TranscriberSettings

SETTINGS = TranscriberSettings()
GOOD = Evidence(
    text=" The old town grew around a small wooden pier.",
    log_prob=-0.2,
    no_speech=0.05,
    speech_s=3.0,
    word_probabilities=(0.9,) * 9,
)


def test_clear_speech_is_believed() -> None:
    assert doubt(GOOD, SETTINGS) is None
    assert not silent(GOOD, SETTINGS)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (replace(GOOD, log_prob=-1.2), "log probability"),
        (replace(GOOD, text=" A" * 40), "compression ratio"),
        (replace(GOOD, speech_s=0.6), "9 words in 0.6 s"),
        (replace(GOOD, word_probabilities=(0.05,) * 9), "word probability"),
    ],
)
def test_invented_text_is_doubted_and_the_reason_is_said(evidence: Evidence, reason: str) -> None:
    assert reason in str(doubt(evidence, SETTINGS))


def test_a_window_is_silent_only_if_the_model_is_unsure_of_its_text() -> None:
    assert silent(replace(GOOD, no_speech=0.9, log_prob=-0.8), SETTINGS)
    assert not silent(replace(GOOD, no_speech=0.9, log_prob=-0.3), SETTINGS)
