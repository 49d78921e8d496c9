"""What anybody would write: ffmpeg, faster-whisper, an SRT file. It is what Reelay is measured against.

python -m ops.benchmarks.plain VIDEO SRT MODEL-FOLDER THREADS
prints how long it took from the loaded model on, in seconds.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faster_whisper import WhisperModel


def main(video: str, srt: str, model: str, threads: str) -> None:
    """Write captions of the video."""
    whisper = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=int(threads))
    began = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        command = ["ffmpeg", "-v", "error", "-y", "-i", video, "-ac", "1", "-ar", "16000", wav.name]
        subprocess.run(command, check=True)
        segments, _ = whisper.transcribe(
            wav.name, language="en", beam_size=5, vad_filter=True, word_timestamps=True
        )
        cues = [
            f"{number}\n{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.text.strip()}\n"
            for number, cue in enumerate(segments, 1)
        ]
    Path(srt).write_text("\n".join(cues), "utf-8")
    print(time.monotonic() - began)


def _clock(moment_s: float) -> str:
    minutes, milliseconds = divmod(round(moment_s * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"


if __name__ == "__main__":
    main(*sys.argv[1:])
