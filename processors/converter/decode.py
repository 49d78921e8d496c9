"""A file's sound as 16 kHz mono samples on the video's timeline, streamed while ffmpeg decodes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from processors.converter.faults import Unusable
from processors.converter.matroska import blocks
from processors.converter.place import RATE_HZ, Samples, placed
from processors.converter.probe import Facts, Sound
from processors.converter.settings import ConverterSettings
from processors.converter.tool import GUARDS, Limits, Tool, input_name, running

_SPLICE_S = 3600
"""A transport stream whose time stamps jump ahead by more was spliced; by less, it has a hole."""

_INPUT = "file:"
"""Stands for the input's name in ffmpeg-python's graph, which takes no name that is not UTF-8."""

_LATE_S = 60.0
"""How far beyond the declared duration a time stamp is still believed."""

_KEEP_START = "0.000001"
"""An input offset of 1 µs. In a transport stream of which only the sound is used, ffmpeg moves the start
of the sound to 0, however late it is, unless the input has an offset of its own."""

_NO_DECODER = ("Decoder not found", "not found for input stream", "Unknown decoder", "no decoder")
_DAMAGE = ("decod", "nvalid", "corrupt", "mismatch", "exceeds")


@dataclass(frozen=True, slots=True)
class Decoding:
    """A decoding under way. samples: chunks of at most a second, from the video's time 0 on."""

    samples: Iterator[Samples]
    _tool: Tool

    @property
    def damaged(self) -> bool:
        """Whether parts could not be decoded; to be asked once all samples are read."""
        return self._tool.status() != 0 or any(sign in self._tool.errors for sign in _DAMAGE)

    def no_sound_reason(self, sound: Sound) -> str | None:
        """What is wrong with a track that gave nothing; None if it is merely empty."""
        codec = sound.track.codec
        if codec == "unknown" or any(sign in self._tool.errors for sign in _NO_DECODER):
            return (
                f"The sound's codec ({codec}) can't be decoded; convert the file to MP4 with AAC sound."
            )
        if self.damaged:
            return (
                f"None of the sound in audio track {sound.track.track} ({codec}) can be decoded: it is"
                " damaged or encrypted; upload an intact copy without copy protection."
            )
        return None


@contextmanager
def decoding(
    path: Path,
    facts: Facts,
    sound: Sound,
    settings: ConverterSettings,
    *,
    while_waiting: Callable[[], None],
) -> Iterator[Decoding]:
    """Decode one audio track; ffmpeg is gone when the context ends.

    Reading the samples raises TransientError and Unusable as `Tool.chunks` does.
    """
    expected_s = settings.max_duration_s if facts.duration_s is None else facts.duration_s
    limits = Limits(
        stall_s=settings.stall_limit_s,
        total_s=settings.decode_grace_s + settings.decode_limit_ratio * expected_s,
        memory_bytes=settings.ffmpeg_memory_bytes,
    )
    with running(command(path, sound, settings), limits, while_waiting=while_waiting) as tool:
        samples = placed(blocks(tool.chunks()), latest_s=expected_s + _LATE_S)
        yield Decoding(_bounded(samples, settings.max_duration_s), tool)


def command(path: Path, sound: Sound, settings: ConverterSettings) -> list[str]:
    """The ffmpeg command line that writes one audio track as PCM in Matroska to its stdout.

    ffmpeg moves the container's start time to 0. Placing is not left to its `aresample=async`, which
    holds a hole in memory and gives up on a long one (sound that started an hour late took 3 GB and came
    out 40 s short).
    """
    source = ffmpeg.input(
        _INPUT, **GUARDS, threads=1, dts_delta_threshold=_SPLICE_S, itsoffset=_KEEP_START
    )
    stream = source[str(sound.index)]
    if not sound.layout_known and sound.track.channels > 2:  # ffmpeg guesses only one and two
        count = sound.track.channels
        equally = "+".join(f"{1 / count:.4f}*c{channel}" for channel in range(count))
        stream = stream.filter_("pan", args=f"mono|c0={equally}")
    mono = stream.filter_("aformat", sample_fmts="s16", sample_rates=RATE_HZ, channel_layouts="mono")
    # Sound from before the video's start (an encoder's run-in) would make the muxer move everything.
    output = mono.filter_("atrim", start=0).output(
        "pipe:1", format="matroska", acodec="pcm_s16le", fflags="+bitexact", map_metadata=-1
    )
    quiet = output.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-filter_threads", "1")
    arguments: list[str] = ffmpeg.compile(quiet, cmd=settings.ffmpeg)
    return [input_name(path) if argument == _INPUT else argument for argument in arguments]


def _bounded(samples: Iterator[Samples], max_s: float) -> Iterator[Samples]:
    decoded = 0
    for chunk in samples:
        decoded += len(chunk)
        if decoded > max_s * RATE_HZ:
            raise Unusable(
                f"The file lasts longer than the {max_s / 3600:.1f} h that are accepted;"
                " upload it in parts."
            )
        yield chunk
