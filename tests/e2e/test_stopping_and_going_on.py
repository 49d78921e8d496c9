"""A run can be stopped at any moment, goes on where it was, and redoes only when told to."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests import media
from tests.e2e.command import Home, finish, written

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def films(home: Home) -> Path:
    """Three films of different speech."""
    folder = home.root / "films"
    folder.mkdir()
    for number, start_s in enumerate((0, 12, 26)):
        media.piece(folder / f"film-{number}.wav", start_s=start_s, duration_s=11)
    return folder


def test_what_is_done_is_not_done_again_unless_forced(home: Home, films: Path) -> None:
    first = home.run(films)
    captions = written(first.lines["film-0.wav"], "srt")
    before = captions.read_bytes()
    captions.unlink()

    second = home.run(films)
    assert captions.read_bytes() == before, "results are written again, even where nothing is to be done"
    third = home.run(films, "--force")

    assert [first.status, second.status, third.status] == [0, 0, 0]
    for name, record in first.lines.items():
        assert (record["done_before"], record["revision"]) == (False, 1)
        assert (second.lines[name]["done_before"], second.lines[name]["revision"]) == (True, 1)
        assert (third.lines[name]["done_before"], third.lines[name]["revision"]) == (False, 2)
    assert captions.read_bytes() == before, "the same speech gives the same bytes"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_run_leaves_no_process_and_goes_on_later(
    home: Home, films: Path, number: signal.Signals
) -> None:
    process = home.start(films, "--workers", "1")
    assert process.stdout is not None
    first_line = process.stdout.readline()
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert first_line
    assert len(family) > 4, "the broker and the processors are processes of their own"

    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does it
    else:
        process.send_signal(number)
    process.communicate(timeout=120)

    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert remaining(family) == []
    again = home.run(films)
    assert again.status == 0
    assert sorted(again.lines) == ["film-0.wav", "film-1.wav", "film-2.wav"]
    assert any(record["done_before"] for record in again.lines.values())


def test_a_killed_run_leaves_no_process(home: Home, films: Path) -> None:
    process = home.start(films)
    family = wait_for_family(process)

    process.kill()
    process.communicate(timeout=120)

    assert remaining(family) == []
    assert home.run(films).status == 0


def test_an_unknown_model_is_one_line_that_says_what_to_do(home: Home, films: Path) -> None:
    finished = finish(home.start(films, "--model", "no-such-model"), timeout_s=240)

    assert finished.status == 1
    assert "no-such-model" in finished.stderr
    assert "--model tiny.en" in finished.stderr
    assert "Traceback" not in finished.stderr


def wait_for_family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The run's processes, once the broker and four processors are there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        if len(family) > 5:
            return family
        time.sleep(0.05)
    raise AssertionError("the processors did not start")


def remaining(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after a while."""
    _, alive = psutil.wait_procs(family, timeout=120)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
