from __future__ import annotations

import pytest

from cluster.wire.messages import Forward, KeyVersionsReply, KeyVersionsRequest
from meridian_resp.commands import build_table
from meridian_resp.server.forward_checks import ForwardChecks, is_portable, is_slot
from meridian_resp.server.forwarding import REFUSED
from tests.meridian_resp.server.test_forward_execution import Bench


def refusal_of(
    *commands: str,
    is_transaction: bool = False,
    slot: int = 0,
    protocol: int = 2,
    level: str = "",
) -> str | None:
    """What is said of a request with these commands."""
    words = [[word.encode() for word in command.split()] for command in commands]
    forward = Forward(1, 5, 1, 5000, protocol, level, words, is_transaction, [], slot)
    return ForwardChecks(build_table()).refusal(forward)


@pytest.mark.parametrize(
    "command",
    ["GET a", "set a 1", "Mset a 1 b 2", "OBJECT ENCODING a", "object freq a", "LCS a b"],
)
def test_commands_on_keys_may_be_executed(command: str) -> None:
    """Alone, in any case, and in transactions, there at a level of their own too."""
    assert refusal_of(command) is None
    assert refusal_of(command, "PING", f"CONSISTENCY all {command}", is_transaction=True) is None


@pytest.mark.parametrize(
    "command",
    [
        "SHUTDOWN", "QUIT", "RESET", "MONITOR", "AUTH a b", "HELLO 3", "CLIENT REPLY OFF",
        "CLIENT PAUSE 1000", "CONFIG SET maxmemory 1", "DEBUG SLEEP 1", "CLUSTER RESET",
        "CLUSTER INFO", "MERIDIAN NODES", "MULTI", "EXEC", "DISCARD", "WATCH a", "FLUSHALL",
        "SWAPDB 0 1", "DBSIZE", "SAVE", "CONSISTENCY ALL", "CONSISTENCY ALL CONSISTENCY ALL GET a",
        "OBJECT HELP", "POST / HTTP/1.1", "nonsense", "CONFIG nonsense",
    ],
)  # fmt: skip
def test_another_node_could_shut_this_one_down(command: str) -> None:
    """Or reset it, silence it, or leave a proxy inside MULTI for the next client."""
    assert refusal_of(command) is not None
    assert refusal_of("GET a", command, is_transaction=True) is not None


@pytest.mark.parametrize("command", ["PING", "ECHO x", "SELECT 0", "TIME", "UNWATCH", "WAIT 0 0"])
def test_some_commands_mean_the_same_everywhere(command: str) -> None:
    """As part of a transaction; nobody hands them on alone."""
    assert refusal_of(command, is_transaction=True) is None
    assert refusal_of(command) is not None


def test_a_request_without_a_command_ended_the_node() -> None:
    """Or left its client waiting for ever."""
    for commands in ([], [""], ["GET a", ""], ["GET a", "GET b"]):
        assert refusal_of(*commands) is not None
    assert refusal_of(is_transaction=True) is None  # watched keys alone
    assert refusal_of("GET a", "", is_transaction=True) is not None


def test_a_slot_that_does_not_exist_ended_the_node() -> None:
    """16384, or one from the end of the list."""
    assert [is_slot(number) for number in (-1, 0, 16383, 16384)] == [False, True, True, False]
    for slot in (-1, 16384):
        assert refusal_of("GET a", slot=slot) == f"ERR There is no slot {slot}"
        bench = Bench()
        bench.server.serving.on_message(bench.links[2], KeyVersionsRequest(7, slot, [b"a"]))
        assert bench.answers() == [KeyVersionsReply(7, REFUSED, [])]


def test_unknown_protocols_and_levels_are_refused() -> None:
    """Levels become names of counters, which must not grow without bound."""
    assert refusal_of("GET a", protocol=4) == "NOPROTO unsupported protocol version"
    assert refusal_of("GET a", level="nonsense") is not None
    assert refusal_of("GET a", protocol=3, level="QUORUM") is None


def test_what_is_refused_leaves_nothing_behind() -> None:
    """The next request of the same client is executed as ever."""
    bench = Bench()
    for command in ("SHUTDOWN", "MULTI", "CLIENT REPLY OFF", ""):
        bench.forward(command)
        (answer,) = bench.answers()
        assert answer.status == REFUSED
        assert bench.execution.proxies() == []
    bench.forward("GET a", slot=15495)
    (answer,) = bench.answers()
    assert not isinstance(answer, KeyVersionsReply) and answer.reply == b"$-1\r\n"


def test_commands_with_keys_are_portable() -> None:
    """Unless they are about the transaction itself."""
    table = build_table()
    assert is_portable(table.by_name["get"])
    assert not is_portable(table.by_name["watch"])
    assert not is_portable(table.by_name["flushall"])
