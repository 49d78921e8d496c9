"""Models, loaded once for all tests of a process."""

import pytest

from processors.transcriber.recogniser import Recogniser
from processors.transcriber.settings import TranscriberSettings
from tests.models import base, tiny_en


@pytest.fixture(scope="session")
def english() -> Recogniser:
    """Whisper tiny.en."""
    return Recogniser(tiny_en(), TranscriberSettings())


@pytest.fixture(scope="session")
def multilingual() -> Recogniser:
    """Whisper base."""
    return Recogniser(base(), TranscriberSettings())
