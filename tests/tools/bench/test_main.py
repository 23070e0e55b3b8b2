"""The command line of meridian-bench."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.tools.answering_server import answering_server, like_redis
from tools.bench.__main__ import main, parser, server_options


def small(redis: str, meridian: str, *more: str) -> list[str]:
    """A comparison that takes a moment."""
    servers = ["--redis-server", redis, "--meridian", meridian, "--load-core", "none"]
    size = ["--driver", "own", "--requests", "20", "--clients", "2", "--keys", "10"]
    return ["compare", *servers, *size, "--rounds", "1", *more]


def test_comparison_is_printed_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The table goes to the output; without a terminal nothing goes to the error stream."""
    with answering_server() as one, answering_server() as other:
        assert main(small(str(one.address), str(other.address), "--tests", "get")) == 0
    printed = capsys.readouterr()
    rows = [line.split()[:3] for line in printed.out.splitlines()]
    assert ["GET", "1", "redis"] in rows
    assert ["GET", "16", "meridian"] in rows
    assert printed.err == ""


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints JSON and nothing else."""
    with answering_server() as one, answering_server() as other:
        assert main(small(str(one.address), str(other.address), "--json", "--pipeline", "2")) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["test"], row["pipeline"]) for row in document["rows"]] == [("set", 2), ("get", 2)]


def test_markdown_can_be_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--output takes the place of the standard output."""
    target = tmp_path / "table.md"
    with answering_server() as one, answering_server() as other:
        words = small(str(one.address), str(other.address), "--markdown", "--output", str(target))
        assert main(words) == 0
    assert "| test | P | server |" in target.read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""


def test_failure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What went wrong is said in a line, and the exit code says that it went wrong."""
    assert main(["compare", "--redis-server", "no-such-program", "--driver", "own"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith("meridian-bench: redis: no-such-program")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["compare", "--pipeline", "0"], "must be at least 1"),
        (["compare", "--tests", "set,incr"], "incr: must be one of set, get"),
        (["mixed", "--phases", "loud"], "loud: must be one of quiet"),
        (["compare", "--clients", "x"], "invalid positive value"),
        (["compare", "--json", "--markdown"], "not allowed with"),
        ([], "required"),
    ],
)
def test_wrong_arguments_are_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong value is named together with what would be right."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_help_shows_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    """Every example of the help is a valid command line."""
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line.split("  ")[0] for line in lines if line.startswith("meridian-bench ")]
    assert len(examples) == 8
    for example in examples:
        words = example.partition(">")[0].split()[1:]
        assert callable(parser().parse_args(words).run)


def test_options_for_the_server_are_passed_on() -> None:
    """name=value becomes what the server's command line takes."""
    assert server_options(["appendfsync=always", "dir=/x=y"]) == (
        "--appendfsync",
        "always",
        "--dir",
        "/x=y",
    )


@pytest.mark.process
def test_being_ended_is_not_an_error_trace() -> None:
    """SIGTERM in the middle of a run ends it with a word and a code, and no traceback."""
    told = threading.Event()

    def answering(command: list[bytes]) -> bytes:
        if command[0] == b"GET" and not told.is_set():
            told.set()
            os.kill(process.pid, signal.SIGTERM)
        return like_redis(command)

    with answering_server(answering) as one, answering_server() as other:
        words = small(str(one.address), str(other.address), "--tests", "get")
        with subprocess.Popen(
            [sys.executable, "-m", "tools.bench", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            _, complaint = process.communicate(timeout=30)
    assert complaint.splitlines()[-1] == "meridian-bench: stopped"
    assert "Traceback" not in complaint
    assert process.returncode == 130
