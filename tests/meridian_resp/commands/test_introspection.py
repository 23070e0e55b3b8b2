from __future__ import annotations

from typing import Any

import hiredis
import pytest

from meridian_resp.commands.introspection import all_with_subcommands, find_by_full_name
from tests.harness.fake_server import ServerRunner


def asked(runner: ServerRunner, command: str) -> Any:
    """The reply as lists, texts and integers."""
    reader = hiredis.Reader(encoding="utf-8")
    reader.feed(runner.run(command))
    return reader.gets()


def test_command_describes_every_command_once() -> None:
    """COMMAND and COMMAND INFO without a name agree; COUNT is their length."""
    runner = ServerRunner()
    found = asked(runner, "command")
    assert [one[0] for one in found] == list(runner.commands.by_name)
    assert found == asked(runner, "command info")
    assert len(found) == asked(runner, "command count")


def test_info_is_null_for_what_does_not_exist() -> None:
    """Sub-commands are named with a bar."""
    runner = ServerRunner()
    found = asked(runner, "command info GET foo config|get config|foo foo|get")
    assert [one and one[0] for one in found] == ["get", None, "config|get", None, None]
    assert runner.resp3().run("command info foo") == b"*1\r\n_\r\n"


def test_docs_leave_out_what_does_not_exist() -> None:
    """The answer is a map by full name."""
    runner = ServerRunner()
    found = asked(runner, "command docs get foo config|get")
    assert found[::2] == ["get", "config|get"]
    everything = asked(runner, "command docs")
    assert everything[::2] == list(runner.commands.by_name)
    assert runner.resp3().run("command docs foo") == b"%0\r\n"


def test_list_and_its_filters() -> None:
    """Sub-commands are listed too; an unknown category or module has no commands."""
    runner = ServerRunner()
    every = [spec.full_name for spec in all_with_subcommands(runner.commands)]
    assert asked(runner, "command list") == every
    assert asked(runner, "command list filterby pattern CONFIG|GE*") == ["config|get"]
    transaction = asked(runner, "command list filterby aclcat Transaction")
    assert sorted(transaction) == ["discard", "exec", "multi", "unwatch", "watch"]
    assert asked(runner, "command list filterby aclcat foo") == []
    assert asked(runner, "command list filterby module foo") == []
    for wrong in ("foo", "filterby foo bar", "filterby pattern"):
        assert runner.run(f"command list {wrong}") == b"-ERR syntax error\r\n"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("get a", ["a"]),
        ("mset a 1 b 2", ["a", "b"]),
        ("memory usage a", ["a"]),
        ("rename a b", ["a", "b"]),
    ],
)
def test_getkeys(call: str, expected: list[str]) -> None:
    """The keys of a call, in order."""
    assert asked(ServerRunner(), f"command getkeys {call}") == expected


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("foo a", "Invalid command specified"),
        ("config foo bar", "Invalid command specified"),
        ("ping a", "The command has no key arguments"),
        ("ping a b c", "The command has no key arguments"),
        ("set a", "Invalid number of arguments specified for command"),
        ("memory usage", "Invalid number of arguments specified for command"),
    ],
)
def test_getkeys_refuses(call: str, text: str) -> None:
    """With Redis' texts."""
    assert ServerRunner().run(f"command getkeys {call}") == f"-ERR {text}\r\n".encode()


def test_getkeysandflags_knows_what_a_call_does() -> None:
    """SET reads the key only with GET; flags are sets in RESP3."""
    runner = ServerRunner()
    assert asked(runner, "command getkeysandflags set a b") == [["a", ["OW", "update"]]]
    with_get = asked(runner, "command getkeysandflags set a b ex 1 get")
    assert with_get == [["a", ["RW", "access", "update"]]]
    assert runner.resp3().run("command getkeysandflags del a") == (
        b"*1\r\n*2\r\n$1\r\na\r\n~2\r\n+RM\r\n+delete\r\n"
    )


def test_an_unknown_sub_command_is_refused() -> None:
    """COMMAND runs without one, so it has to look itself."""
    reply = ServerRunner().run("command foo")
    assert reply == b"-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"


def test_find_by_full_name_takes_any_case() -> None:
    """As commands themselves do."""
    table = ServerRunner().commands
    found = find_by_full_name(table, b"Config|GET")
    assert found is not None
    assert found.full_name == "config|get"
