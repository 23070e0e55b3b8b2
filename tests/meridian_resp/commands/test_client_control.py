from __future__ import annotations

import pytest

from meridian_resp.commands.introspection import find_by_full_name
from meridian_resp.commands.outcomes import Slices
from meridian_resp.protocol.numbers import INT64_MAX
from tests.harness.command_runner import START_MS
from tests.harness.fake_server import ServerRunner


def three_clients() -> ServerRunner:
    """The caller and two others; ids 1 to 3, addresses 127.0.0.1:5001 to 5003."""
    runner = ServerRunner()
    runner.new_session()
    runner.new_session()
    return runner


def listed(runner: ServerRunner, command: str) -> list[str]:
    """The ids that a CLIENT LIST prints."""
    text = runner.run(command).split(b"\r\n", 1)[1].removesuffix(b"\r\n").decode()
    return [line.split(" ", 1)[0] for line in text.splitlines()]


def test_list_shows_all_some_or_none() -> None:
    """By type all are normal; by id those that exist, in the order asked for."""
    runner = three_clients()
    assert listed(runner, "client list") == ["id=1", "id=2", "id=3"]
    assert listed(runner, "client list type normal") == ["id=1", "id=2", "id=3"]
    assert listed(runner, "client list TYPE replica") == []
    assert listed(runner, "client list id 3 9 1") == ["id=3", "id=1"]
    assert runner.run("client list id 9") == b"$0\r\n\r\n"
    assert runner.resp3().run("client list id 9") == b"=4\r\ntxt:\r\n"


def test_many_clients_are_listed_in_slices() -> None:
    """The list gives way to other clients, and is whole at the end."""
    runner = ServerRunner()
    for _ in range(250):
        runner.new_session()
    spec = find_by_full_name(runner.commands, b"client|list")
    assert spec is not None
    outcome = spec.handler(runner, [b"client", b"list"])
    assert isinstance(outcome, Slices)
    assert sum(1 for _ in outcome.steps) == 2
    assert listed(runner, "client list") == [f"id={number}" for number in range(1, 252)]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("client list foo", "syntax error"),
        ("client list id", "syntax error"),
        ("client list type normal foo", "syntax error"),
        ("client list type foo", "Unknown client type 'foo'"),
        ("client list id 1 x", "Invalid client ID"),
        ("client kill foo bar", "syntax error"),
        ("client kill id 1 type", "syntax error"),
        ("client kill id 0", "client-id should be greater than 0"),
        ("client kill id x", "client-id should be greater than 0"),
        ("client kill type foo", "Unknown client type 'foo'"),
        ("client kill user bob", "No such user 'bob'"),
        ("client kill skipme maybe", "syntax error"),
        ("client kill 1.2.3.4:5", "No such client"),
        ("client kill addr", "No such client"),
        ("client pause x", "timeout is not an integer or out of range"),
        ("client pause -1", "timeout is negative"),
        ("client pause 1 foo", "CLIENT PAUSE mode must be WRITE or ALL"),
        (
            "client pause 1 write x",
            "unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.",
        ),
        ("client unblock x", "value is not an integer or out of range"),
        ("client unblock 1 foo", "CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
    ],
)
def test_refusals_have_the_texts_of_redis(command: str, text: str) -> None:
    """And nobody is closed, nothing paused."""
    runner = three_clients()
    assert runner.run(command) == f"-ERR {text}\r\n".encode()
    assert runner.fake.closed == []
    assert runner.fake.pauses == []


@pytest.mark.parametrize(
    ("filters", "closed"),
    [
        ("id 2", [2]),
        ("id 1", []),
        ("id 1 skipme no", [1]),
        ("addr 127.0.0.1:5003", [3]),
        ("addr 127.0.0.1:5003 id 2", []),
        ("laddr 127.0.0.1:7401", [2, 3]),
        ("type normal", [2, 3]),
        ("type pubsub skipme no", []),
        ("user default skipme yes", [2, 3]),
        ("skipme no", [1, 2, 3]),
    ],
)
def test_kill_by_filters(filters: str, closed: list[int]) -> None:
    """All filters must fit; the caller is spared unless SKIPME says no; the answer is a count."""
    runner = three_clients()
    assert runner.run(f"client kill {filters}") == b":%d\r\n" % len(closed)
    assert [session.identifier for session in runner.fake.closed] == closed


def test_kill_by_address_alone_spares_nobody() -> None:
    """The old form answers OK and may close the caller."""
    runner = three_clients()
    assert runner.run("client kill 127.0.0.1:5001") == b"+OK\r\n"
    assert runner.fake.closed == [runner.session]


def test_pause_is_absolute_and_ends() -> None:
    """Milliseconds from now; an endless one does not overflow; UNPAUSE ends it."""
    runner = ServerRunner()
    assert runner.run("client pause 100") == b"+OK\r\n"
    assert runner.run("client pause 50 WRITE") == b"+OK\r\n"
    assert runner.run("client pause 0 all") == b"+OK\r\n"
    assert runner.run(f"client pause {INT64_MAX}") == b"+OK\r\n"
    assert runner.fake.pauses == [
        (START_MS + 100, False), (START_MS + 50, True), (START_MS, False), (INT64_MAX, False),
    ]  # fmt: skip
    assert runner.run("client unpause") == b"+OK\r\n"
    assert runner.fake.pauses == []


def test_nobody_can_be_unblocked() -> None:
    """There is no blocking command yet."""
    assert ServerRunner().run("client unblock 1 error") == b":0\r\n"
