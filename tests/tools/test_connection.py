"""The blocking connection of the command-line tools."""

from __future__ import annotations

import pytest

from tests.tools.answering_server import answering_server
from tools.connection import (
    Address,
    Connection,
    ConnectionLost,
    ErrorReply,
    encode_request,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:7401", Address("127.0.0.1", 7401)),
        ("db.example:1", Address("db.example", 1)),
        (":65535", Address("127.0.0.1", 65535)),
        ("db.example", Address("db.example", 7401)),
        ("[::1]:7401", Address("::1", 7401)),
        ("./data/meridian.sock", Address(unix_path="./data/meridian.sock")),
    ],
)
def test_addresses_are_read(text: str, expected: Address) -> None:
    """host:port, :port, a host alone and the path of a socket are addresses."""
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["host:", "host:0", "host:65536", "host:x", "host:-1", "host:²"])
def test_wrong_ports_are_refused_by_name(text: str) -> None:
    """The refusal repeats what was given and says what a port is."""
    with pytest.raises(ValueError, match="1 to 65535") as caught:
        parse_address(text)
    assert text in str(caught.value)


def test_request_is_an_array_of_bulk_strings() -> None:
    """Text, bytes and numbers become bulk strings with their length in bytes."""
    assert encode_request("SET", "é", b"\r\n", 12) == (
        b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$2\r\n\r\n\r\n$2\r\n12\r\n"
    )


def test_answers_come_back_as_values() -> None:
    """Status, bulk, integer, null and array are values; split packets are put together."""
    wire = {
        b"STATUS": b"+OK\r\n",
        b"BULK": b"$2\r\nxy\r\n",
        b"NUMBER": b":12\r\n",
        b"NULL": b"$-1\r\n",
        b"ARRAY": b"*2\r\n:1\r\n$1\r\na\r\n",
        b"LONG": b"$300000\r\n" + b"z" * 300_000 + b"\r\n",
    }
    with (
        answering_server(lambda command: wire[command[0]]) as server,
        Connection(server.address) as connection,
    ):
        assert connection.call("STATUS") == b"OK"
        assert connection.call("BULK") == b"xy"
        assert connection.call("NUMBER") == 12
        assert connection.call("NULL") is None
        assert connection.call("ARRAY") == [1, b"a"]
        assert connection.call("LONG") == b"z" * 300_000
        assert connection.call_text("BULK") == "xy"


def test_error_reply_is_raised_with_its_text() -> None:
    """What the server says is what the person reads."""
    with answering_server() as server, Connection(server.address) as connection:
        with pytest.raises(ErrorReply, match="unknown command 'NOPE'"):
            connection.call("NOPE")
        assert connection.call("PING") == b"PONG"


def test_closed_connection_is_told() -> None:
    """A server that closes instead of answering is not waited for."""
    with (
        answering_server(lambda command: b"") as server,
        Connection(server.address) as connection,
        pytest.raises(ConnectionLost, match="closed the connection"),
    ):
        connection.call("PING")


def test_no_server_is_told_with_its_address() -> None:
    """Nobody listening is a plain sentence with the address, not a traceback."""
    with answering_server() as server:
        address = server.address
    with pytest.raises(ConnectionLost, match=f"no connection to {address}"):
        Connection(address)


def test_other_protocol_is_told() -> None:
    """A server of another kind is named as such."""
    with (
        answering_server(lambda command: b"HTTP/1.1 400\r\n") as server,
        Connection(server.address) as connection,
        pytest.raises(ConnectionLost, match="does not speak RESP"),
    ):
        connection.call("PING")


def test_info_is_read_as_names_and_values() -> None:
    """Section titles and empty lines are left out; a value may hold colons."""
    text = b"# Server\r\na:1\r\n\r\nb:x:y\r\n"
    wire = b"$%d\r\n%b\r\n" % (len(text), text)
    with (
        answering_server(lambda command: wire) as server,
        Connection(server.address) as connection,
    ):
        assert connection.info("server") == {"a": "1", "b": "x:y"}
