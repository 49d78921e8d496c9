"""The transcriber's settings, read once from the environment (`REELAY_TRANSCRIBER_…`)."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_models_folder() -> str:
    """`$XDG_CACHE_HOME/reelay/models`, or `~/.cache/reelay/models`."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return str(Path(cache) / "reelay" / "models")


class TranscriberSettings(BaseSettings):
    """Which model runs, on what, and what its output must pass to be believed."""

    model_config = SettingsConfigDict(env_prefix="REELAY_TRANSCRIBER_", frozen=True, extra="ignore")

    model: str = Field(
        default="small", description="Whisper model: a name (tiny.en, base, small, …) or a folder"
    )
    models_folder: str = Field(
        default_factory=default_models_folder,
        description="folder that holds models by name, looked at before anything else",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: cuda where there is one"
    )
    compute_type: str = Field(
        default="auto", description="number type of the computation; auto: float16 on cuda, int8 on cpu"
    )
    cpu_threads: int = Field(
        default=1,
        ge=1,
        description="threads of one worker: several workers of one thread beat one of several",
    )
    batch_size: int = Field(
        default=4,
        ge=1,
        description="windows of one segment that are decoded together; more need more memory",
    )
    beam_size: int = Field(default=5, ge=1, description="hypotheses that beam search keeps")

    speech_threshold: float = Field(
        default=0.5, gt=0, lt=1, description="probability from which a frame of audio counts as speech"
    )
    log_prob_min: float = Field(
        default=-1.0,
        le=0,
        description="a window whose mean log probability per token is below is not believed",
    )
    compression_ratio_max: float = Field(
        default=2.4, gt=1, description="a window whose text compresses better than this repeats itself"
    )
    no_speech_max: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="a window with a higher no-speech probability must be surer of its text",
    )
    no_speech_log_prob_min: float = Field(
        default=-0.6, le=0, description="the mean log probability that such a window must reach"
    )
    words_per_second_max: float = Field(
        default=8.0,
        gt=0,
        description="no one speaks faster: more words in a second of speech are invented",
    )
    word_probability_min: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="a window whose words have a lower median probability is not believed",
    )
