"""`meridian-ctl config`."""

from __future__ import annotations

import json

import pytest

from tests.tools.answering_server import answering_server
from tools.connection import encode_request
from tools.ctl.__main__ import main


class Parameters:
    """A server that has two parameters."""

    def __init__(self) -> None:
        self.values = {b"maxclients": b"10000", b"maxmemory": b"0"}
        self.rewritten = False

    def answering(self, command: list[bytes]) -> bytes:
        """Answer CONFIG."""
        match command:
            case [b"CONFIG", b"GET", *patterns]:
                found = [
                    word
                    for name, value in sorted(self.values.items(), reverse=True)
                    if name in patterns or b"*" in patterns
                    for word in (name, value)
                ]
                return encode_request(*found)
            case [b"CONFIG", b"SET", name, value]:
                if name not in self.values:
                    return b"-ERR Unknown option\r\n"
                self.values[name] = value
            case [b"CONFIG", b"REWRITE"]:
                self.rewritten = True
        return b"+OK\r\n"


def test_parameters_are_shown_by_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    """All that match, in order of their names."""
    with answering_server(Parameters().answering) as server:
        assert main(["--server", str(server.address), "config", "get", "*"]) == 0
        assert capsys.readouterr().out == "maxclients = 10000\nmaxmemory = 0\n"
        assert main(["--json", "--server", str(server.address), "config", "get", "maxmemory"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "maxmemory", "value": "0"}


def test_unknown_parameter_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is a failure, so that a script does not go on with an empty value."""
    with answering_server(Parameters().answering) as server:
        assert main(["--server", str(server.address), "config", "get", "nope"]) == 1
    assert capsys.readouterr().err == "meridian-ctl: no parameter is called nope\n"


def test_parameter_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """The server has the new value afterwards."""
    parameters = Parameters()
    with answering_server(parameters.answering) as server:
        words = ["--server", str(server.address), "config", "set", "maxclients", "20000"]
        assert main(words) == 0
    assert parameters.values[b"maxclients"] == b"20000"
    assert capsys.readouterr().out == "maxclients = 20000\n"


def test_refusal_is_shown_in_the_servers_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed as changed that was not."""
    with answering_server(Parameters().answering) as server:
        assert main(["--server", str(server.address), "config", "set", "nope", "1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "meridian-ctl: ERR Unknown option\n"


def test_name_without_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It is not even sent."""
    assert main(["--server", ":1", "config", "set", "maxclients"]) == 2
    assert "maxclients has no value" in capsys.readouterr().err


def test_file_is_rewritten() -> None:
    """The server is asked to write its file."""
    parameters = Parameters()
    with answering_server(parameters.answering) as server:
        assert main(["--server", str(server.address), "config", "rewrite"]) == 0
    assert parameters.rewritten
