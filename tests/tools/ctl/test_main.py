"""The command line of meridian-ctl."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.answering_server import answering_server
from tests.tools.ctl.directories import TABLE, make_directory
from tools.ctl.__main__ import main, parser


def test_help_shows_examples_that_parse(capsys: pytest.CaptureFixture[str]) -> None:
    """Every example of the help is a valid command line."""
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line.split("  ")[0] for line in lines if line.startswith("meridian-ctl ")]
    assert len(examples) == 16
    for example in examples:
        words = example.replace("'", "").split()[1:]
        assert callable(parser().parse_args(words).run)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "required: COMMAND"),
        (["config"], "{get,set,rewrite}"),
        (["nope"], "invalid choice"),
        (["--server", "host:0", "status"], "must be a number from 1 to 65535"),
    ],
)
def test_wrong_arguments_are_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and a complaint that says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.process
def test_reader_that_leaves_is_no_error_trace(tmp_path: Path) -> None:
    """`meridian-ctl ... | head` ends quietly."""
    path = make_directory(tmp_path) / TABLE
    with subprocess.Popen(
        [sys.executable, "-m", "tools.ctl", "sstable", "dump", "--keys", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
    assert complaint == b""


@pytest.mark.parametrize(
    "words", ["--server db1:1 --password p health", "health --server db1:1 --password p"]
)
def test_general_options_stood_before_the_command_only(words: str) -> None:
    """They may stand on either side; the default does not undo what was given before."""
    options = parser().parse_args(words.split())
    assert (str(options.server), options.password, options.json) == ("db1:1", "p", False)


def test_a_missing_password_says_where_to_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The server's own words name no option of this program."""
    with answering_server(lambda command: b"-NOAUTH Authentication required.\r\n") as server:
        assert main(["--server", str(server.address), "status"]) == 1
    assert "Give --password, or put it into MERIDIAN_PASSWORD" in capsys.readouterr().err
