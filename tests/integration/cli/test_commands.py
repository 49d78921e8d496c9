"""The commands as a user types them: the installed program, its output and its exit status."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.kafka.embedded import EmbeddedBroker
from ops.cli.main import reelay
from processors.runtime.main import Exit
from schemas.topics import STAGE_FAILED, VIDEO_UPLOADED, dead_topic

COMMANDS = [
    "run",
    "up",
    "publish",
    "status",
    "top",
    "replay",
    "export",
    "cancel",
    "delete",
    "gc",
    "models",
    "consume",
    "gateway",
    "processor",
    "doctor",
]
REELAY = Path(sys.executable).with_name("reelay")


def run(*arguments: str | Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """`reelay` with these arguments and only these REELAY_ variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REELAY_")}
    return subprocess.run(
        [REELAY, *arguments],
        env={**clean, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with EmbeddedBroker({VIDEO_UPLOADED.name: 3, STAGE_FAILED.name: 1}) as broker:
        yield broker.brokers


def test_help_names_every_command_and_imports_none_of_their_libraries() -> None:
    """So that it is there at once (0.1 s), which a busy machine cannot measure."""
    program = (
        "import sys\n"
        "from ops.cli.main import main\n"
        "sys.argv[1:] = ['--help']\n"
        "status = main()\n"
        "heavy = {'confluent_kafka', 'pydantic', 'rich', 'fastavro'} & set(sys.modules)\n"
        "print(*heavy, file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=180, check=True
    )

    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS)
    assert shown.stderr.strip() == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    reelay.main([name, "--help"], standalone_mode=False)

    assert f" reelay {name} " in capsys.readouterr().out.partition("Example")[2]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run"], "Missing argument 'FILE|FOLDER...'"),
        (["run", "x", "--format", "srt,doc"], "'doc' is none of srt, vtt"),
        (["run", "x", "--language", "deutsch!"], "'deutsch!' is no language tag"),
        (["run", "x", "--workers", "0"], "0 is not in the range"),
        (["run", "x", ""], "'' is no name of a file or folder"),
        (["publish", ""], "'' is no name of a file or folder"),
        (["dead", "list", "--since", "999999d"], "'999999d' is neither an ISO 8601 time nor such as"),
        (["processor", "baker"], "'baker' is not one of 'converter'"),
        (["replay", "x", "--revisions", "1", "2"], "--revisions is for --compare"),
        (
            ["replay", "x", "--compare", "--revisions", "1", "2", "--model", "m"],
            "--revisions compares what is there",
        ),
        (["publish", "x", "y", "--video-id", "v"], "--video-id is for one FILE"),
        (["up", "--watch", "/nowhere"], "'/nowhere' does not exist"),
        (["gc", "--older-than", "8"], "'8' is no age such as 8d"),
        (
            ["consume", "video.eaten", "--brokers", "x"],
            "there is no topic 'video.eaten'. Topics: video.uploaded,",
        ),
        (["cook"], "No such command 'cook'"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(arguments: list[str], complaint: str) -> None:
    finished = run(*arguments)

    assert finished.returncode == 2
    assert complaint in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""


def test_a_wrong_setting_of_a_program_is_one_line_with_variable_value_and_meaning() -> None:
    missing = run("processor", "enricher", REELAY_STORE_URL="file:///x")
    wrong = run(
        "processor",
        "enricher",
        REELAY_STORE_URL="file:///x",
        REELAY_KAFKA_BROKERS="localhost:1",
        REELAY_RUNTIME_WORKERS="many",
    )
    gateway = run("gateway", REELAY_STORE_URL="file:///x")

    assert (missing.returncode, wrong.returncode, gateway.returncode) == (2, 2, 2)
    assert gateway.stderr == missing.stderr
    assert missing.stderr == (
        "Error: REELAY_KAFKA_BROKERS is not set (Kafka bootstrap servers, host:port[,host:port…])\n"
    )
    assert wrong.stderr.startswith(
        "Error: REELAY_RUNTIME_WORKERS='many': input should be a valid integer"
    )
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["aggregator", "catalog", "converter", "transcriber"])
def test_a_processor_whose_store_is_none_says_so_in_one_line_before_it_joins_anything(name: str) -> None:
    finished = run("processor", name, REELAY_STORE_URL="s3://", REELAY_KAFKA_BROKERS="127.0.0.1:1")

    assert finished.returncode == 2
    assert finished.stderr == "Error: object store 's3://': expected s3://bucket[/prefix]\n"


def test_a_processor_says_once_that_there_is_no_broker(tmp_path: Path) -> None:
    finished = run(
        "processor",
        "enricher",
        REELAY_KAFKA_BROKERS="127.0.0.1:1",
        REELAY_STORE_URL=tmp_path.as_uri(),
    )

    assert finished.returncode == Exit.BROKER
    (error,) = [line for line in finished.stderr.splitlines() if '"level": "INFO"' not in line]
    assert json.loads(error)["message"].startswith("broker: 127.0.0.1:1/bootstrap: Connect to ")


def test_what_is_published_can_be_consumed_decoded(brokers: str, tmp_path: Path) -> None:
    film = tmp_path / "a b\n🎬.mp4"
    film.write_bytes(b"film")

    published = run(
        "publish", film, tmp_path / "gone.mp4", "--language", "de", "--json", "--brokers", brokers
    )
    by_key = run(
        "publish", "uploads/7/talk.mp4", "--key", "--video-id", "7", REELAY_KAFKA_BROKERS=brokers
    )
    consumed = run(
        "consume", "video.uploaded", "--from-beginning", "-n", "2", "--json", "--brokers", brokers
    )

    assert published.returncode == 1, "one of the files is not there"
    assert published.stderr == f"✗ {tmp_path}/gone.mp4: no such file or directory\n"
    upload = json.loads(published.stdout)
    assert (by_key.returncode, by_key.stdout) == (0, "7\n")
    records = {record["key"]: record for record in map(json.loads, consumed.stdout.splitlines())}
    assert set(records) == {upload["video_id"], "7"}
    record = records[upload["video_id"]]
    assert record["type"] == "VideoUploaded"
    assert record["topic"] == VIDEO_UPLOADED.name
    assert record["headers"]["ce_type"] == "reelay.video.uploaded"
    assert record["value"]["source"] == upload["source"]
    assert record["value"]["name"] == "a b\n🎬.mp4"
    assert record["value"]["options"]["language"] == "de"
    assert records["7"]["value"]["source"] == "uploads/7/talk.mp4"


def test_a_record_that_is_no_event_is_shown_as_such_and_cannot_act_on_the_terminal(brokers: str) -> None:
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(STAGE_FAILED.name, value=b"\x1b]0;owned\x07", key=b"\x1b[31m")
    assert producer.flush(60) == 0

    shown = run("consume", "stage.failed", "--from-beginning", "-n", "1", "--brokers", brokers)

    assert shown.returncode == 0
    assert "cannot be decoded: starts with byte 27, not in the Confluent wire format" in shown.stdout
    assert r"key \x1b[31m" in shown.stdout
    assert "\x1b" not in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["consume", "--help"],
        ["status"],
        ["gc", "--json"],
        ["doctor", "--model", "tiny.en"],
        ["gateway", "--new-key", "page"],
        ["consume", "video.uploaded", "--from-beginning", "--timeout", "60"],
        ["publish", "--key", "uploads/8/talk.mp4"],
        ["run", "gone.mp4", "--json"],
    ],
    ids=" ".join,
)
def test_a_command_whose_reader_has_gone_ends_quietly(
    brokers: str, tmp_path: Path, arguments: list[str]
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REELAY_")}
    home = {"XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"}
    if arguments[0] in ("consume", "publish"):
        home["REELAY_KAFKA_BROKERS"] = brokers
    if arguments[0] == "consume":
        assert run("publish", "--key", "x", **home).returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [REELAY, *arguments],
            env={**clean, **home},
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=180,
            check=False,
        )
    finally:
        os.close(writer)

    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["status"], ["gc", "--json"], ["run", "gone.mp4", "--json"]]
)
def test_output_that_cannot_be_written_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [REELAY, *arguments],
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "REELAY_KAFKA_BROKERS": ""},
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=180,
            check=False,
        )

    told = "Error: standard output: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, told)


def test_a_state_folder_that_leads_nowhere_is_one_line(tmp_path: Path) -> None:
    """As a link does to a disk that is away."""
    (tmp_path / "reelay").symlink_to(tmp_path / "away")
    film = tmp_path / "talk.mp4"
    film.touch()

    published = run("publish", film, XDG_STATE_HOME=str(tmp_path))

    assert published.returncode == 1
    assert published.stderr == f"Error: object store is down: {tmp_path}/reelay leads to no folder\n"


def test_a_record_with_a_time_that_no_calendar_has_hides_no_other() -> None:
    letters = dead_topic(VIDEO_UPLOADED.name, "converter")
    with EmbeddedBroker({STAGE_FAILED.name: 1, letters: 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.brokers})
        for time_ms in (2**60, 1000):
            producer.produce(STAGE_FAILED.name, value=b"x", timestamp=time_ms)
            producer.produce(letters, value=b"x", headers={"reelay-dead-ms": str(time_ms).encode()})
        assert producer.flush(60) == 0
        where = ("--json", "--brokers", broker.brokers)
        consumed = run("consume", "stage.failed", "--from-beginning", "-n", "2", *where)
        listed = run("dead", "list", *where)

    times = [json.loads(line)["time"] for line in consumed.stdout.splitlines()]
    assert times == ["9999-12-31T23:59:59.000+00:00", "1970-01-01T00:00:01.000+00:00"]
    dead = [json.loads(line)["time"] for line in listed.stdout.splitlines()]
    assert dead == ["1970-01-01T00:00:01+00:00", "9999-12-31T23:59:59+00:00"]


def test_a_group_that_nobody_knows_has_no_dead_letters_to_be_without(brokers: str) -> None:
    mistyped = run("dead", "list", "--group", "transcribers", "--brokers", brokers)
    known = run("dead", "list", "--group", "transcriber", "--brokers", brokers)

    assert mistyped.returncode == 1
    assert mistyped.stderr.startswith("Error: there is no consumer group 'transcribers'; there are ")
    assert (known.returncode, known.stderr) == (0, "no dead letters\n")


def test_consuming_ends_when_nothing_comes(brokers: str) -> None:
    shown = run("consume", STAGE_FAILED.name, "--timeout", "0.5", "--brokers", brokers)

    assert (shown.returncode, shown.stdout) == (0, "")


def test_a_broker_that_is_not_there_is_one_line() -> None:
    consumed = run("consume", "stage.failed", "--brokers", "127.0.0.1:1")

    assert consumed.returncode == 1
    assert consumed.stderr.startswith("Error: broker is down: ")
    assert "Traceback" not in consumed.stderr


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    well = run("doctor", "--json", "--model", "tiny.en", XDG_STATE_HOME=str(tmp_path))
    ill = run("doctor", "--model", "no-such-model", XDG_STATE_HOME="/proc", PATH="/nowhere")

    assert well.returncode == 0
    findings = {finding["check"]: finding for finding in json.loads(well.stdout)["findings"]}
    assert {"python", "ffmpeg", "ffprobe", "model", "state folder", "free disk", "cores"} <= set(
        findings
    )
    assert findings["model"]["level"] == "ok"
    assert ill.returncode == 1
    assert "✗ ffmpeg           not found" in ill.stdout
    assert "→ install ffmpeg" in ill.stdout
    assert "✗ model            no-such-model is not on this machine" in ill.stdout
    assert "✗ state folder     /proc/reelay cannot be written" in ill.stdout


def test_a_run_over_nothing_usable_starts_nothing(tmp_path: Path) -> None:
    finished = run(
        "run", tmp_path, tmp_path / "gone.mp4", "--json", XDG_STATE_HOME=str(tmp_path / "state")
    )

    assert finished.returncode == 1
    assert [json.loads(line)["reason"] for line in finished.stdout.splitlines()] == [
        "no media files in this folder",
        "no such file or directory",
    ]
    assert not (tmp_path / "state").exists()


def test_what_is_asked_for_while_nothing_runs_waits_in_the_store(tmp_path: Path) -> None:
    film = tmp_path / "talk.mp4"
    film.write_bytes(b"film")
    home = str(tmp_path / "home")

    published = run("publish", film, XDG_STATE_HOME=home)

    video_id = published.stdout.strip()
    waits = "reelay up is not running: it sees to this when it is started.\n"
    assert (published.returncode, published.stderr) == (0, waits)
    assert run("publish", film, XDG_STATE_HOME=home).stdout.strip() == video_id
    status = run("status", XDG_STATE_HOME=home)
    assert status.stdout == "reelay up is not running. 1 upload waits for it.\n"
    shown = json.loads(run("status", film, "--json", XDG_STATE_HOME=home).stdout)
    assert [revision["outcome"] for revision in shown["revisions"]] == [None]
    assert run("export", film, XDG_STATE_HOME=home).returncode == 1
    assert run("cancel", film, XDG_STATE_HOME=home).stderr == waits
    assert "to be cancelled" in run("status", film, XDG_STATE_HOME=home).stdout
    assert run("delete", video_id, XDG_STATE_HOME=home).stderr == waits
    refused = run("publish", film, XDG_STATE_HOME=home)
    assert (refused.returncode, "its video was deleted" in refused.stderr) == (1, True)


@pytest.mark.parametrize("name", ["status", "export", "cancel", "delete", "replay"])
def test_a_video_that_nobody_knows_is_one_line(name: str, tmp_path: Path) -> None:
    finished = run(name, "../talk.mp4", XDG_STATE_HOME=str(tmp_path))

    assert finished.returncode == 1
    assert finished.stderr == "Error: ../talk.mp4: there is no such video\n"


def test_gc_of_an_empty_store_removes_nothing(tmp_path: Path) -> None:
    finished = run("gc", "--json", XDG_STATE_HOME=str(tmp_path))

    assert json.loads(finished.stdout) == {
        "dry_run": False,
        "files": 0,
        "size_bytes": 0,
        "unfinished_uploads": 0,
    }
