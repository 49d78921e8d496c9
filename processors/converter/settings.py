"""Settings of the converter, read once from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConverterSettings(BaseSettings):
    """Which ffmpeg to run and what a file may cost (`REELAY_CONVERTER_…`)."""

    model_config = SettingsConfigDict(env_prefix="REELAY_CONVERTER_", frozen=True, extra="ignore")

    ffmpeg: str = Field(default="ffmpeg", description="the ffmpeg program")
    ffprobe: str = Field(default="ffprobe", description="the ffprobe program")
    max_file_bytes: int = Field(
        default=200 * 10**9, gt=0, description="largest file that is accepted, in bytes"
    )
    max_duration_s: float = Field(
        default=86_400.0, gt=0, description="longest media that is accepted, in seconds"
    )
    probe_limit_s: float = Field(
        default=120.0, gt=0, description="longest time ffprobe may take, in seconds"
    )
    stall_limit_s: float = Field(
        default=120.0,
        gt=0,
        description="longest time ffmpeg may give nothing, in seconds; then it is tried again",
    )
    decode_grace_s: float = Field(
        default=300.0, ge=0, description="seconds that decoding may take besides decode_limit_ratio"
    )
    decode_limit_ratio: float = Field(
        default=1.0, gt=0, description="seconds that decoding may take for each second of media"
    )
    ffmpeg_memory_bytes: int = Field(
        default=4 * 2**30,
        ge=2**29,
        description="address space that ffmpeg and ffprobe may use, in bytes",
    )
