"""What `reelay run` says of each file when it is done: a line for people, or a line of JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.cli.display import Display
from ops.cli.text import clock, counted, plain, shown, times
from ops.pipeline.export import Exported
from ops.pipeline.files import Unusable
from ops.pipeline.tasks import Task
from schemas.codec import to_record
from schemas.events import FailureKind, VideoCompleted, VideoFailed
from schemas.outcomes import Outcome


class Report:
    """Tells of each file once and counts. logs: where the processes of this run wrote what they did."""

    def __init__(self, display: Display, *, as_json: bool) -> None:
        self.failed = 0
        self.logs: Path | None = None
        self._display = display
        self._as_json = as_json
        self._completed = 0
        self._before = 0
        self._media_s = 0.0
        self._puzzling = False

    def unusable(self, file: Unusable) -> None:
        """Something named on the command line cannot be captioned."""
        self._fail(file.given, file.reason, {"source": None})

    def unwritten(self, task: Task, folder: Path, error: Exception) -> None:
        """The results are in the store, but could not be written to the user's folder."""
        self._fail(task.file.given, f"{plain(folder)} could not be written: {error}", _identity(task))

    def finished(self, task: Task, outcome: Outcome, written: Sequence[Exported]) -> None:
        """A file has its outcome; `written` are its results."""
        if isinstance(outcome, VideoCompleted):
            self._complete(task, outcome, written)
        elif isinstance(outcome, VideoFailed):
            self._fail(task.file.given, outcome.reason, _identity(task))
            self._puzzling |= outcome.kind is not FailureKind.FILE
        else:
            self._fail(task.file.given, "cancelled", _identity(task))

    def summary(self, elapsed_s: float) -> None:
        """The last line, after all files."""
        parts = []
        if self._completed:
            parts.append(f"{self._completed} completed")
        if self._before:
            parts.append(f"{self._before} done already (--force makes them anew)")
        if self.failed:
            parts.append(f"{self.failed} failed")
        text = ", ".join(parts) or "nothing to do"
        if self._completed and elapsed_s > 0:
            text += f" · {clock(self._media_s)} of media in {clock(elapsed_s)}"
            text += f" · {times(self._media_s / elapsed_s)} real time"
        self._display.line(text, err=True)
        if self._puzzling and self.logs is not None:
            self._display.line(f"What went wrong is in the logs: {plain(self.logs)}", err=True)

    def _complete(self, task: Task, outcome: VideoCompleted, written: Sequence[Exported]) -> None:
        before = task.done is not None
        self._before += before
        self._completed += not before
        self._media_s += 0.0 if before else outcome.duration_s
        folder = written[0].path.parent if written else None
        if self._as_json:
            self._print_json(
                {
                    **_identity(task),
                    "outcome": "completed",
                    "done_before": before,
                    "language": outcome.language,
                    "duration_s": outcome.duration_s,
                    "words": outcome.word_count,
                    "folder": None if folder is None else plain(folder),
                    "files": [{"format": file.format, "path": plain(file.path)} for file in written],
                    "gaps": to_record(outcome.gaps),
                    "warnings": list(outcome.warnings),
                }
            )
            return
        facts = [clock(outcome.duration_s)] if outcome.duration_s else []
        facts += [counted(outcome.word_count, "word")] if outcome.word_count else ["no words"]
        facts += [outcome.language] if outcome.word_count else []
        facts += ["done already"] if before else []
        where = f" → {shown(plain(folder))}" if folder else ""
        self._display.line(f"{shown(task.file.name)}  {' · '.join(facts)}{where}", mark="✓")
        remarks = [
            f"no words from {clock(gap.start_s)} to {clock(gap.end_s)}: {gap.reason}"
            for gap in outcome.gaps
        ]
        for remark in (*remarks, *outcome.warnings):
            self._display.line(f"{shown(task.file.name)}: {shown(remark)}", mark="!", err=True)

    def _fail(self, given: Path, reason: str, identity: dict[str, Any]) -> None:
        self.failed += 1
        if self._as_json:
            self._print_json({"given": plain(given), **identity, "outcome": "failed", "reason": reason})
        self._display.line(f"{shown(plain(given))}: {shown(reason)}", mark="✗", err=True)

    def _print_json(self, record: dict[str, Any]) -> None:
        self._display.line(json.dumps(record))


def _identity(task: Task) -> dict[str, Any]:
    return {
        "given": plain(task.file.given),
        "name": task.file.name,
        "source": task.file.source,
        "video_id": task.upload.video_id,
        "revision": task.upload.revision,
    }
