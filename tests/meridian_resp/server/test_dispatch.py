"""Dispatch: the plain and the gated path, transactions, levels, and failing handlers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from meridian_resp.commands.context import Context
from meridian_resp.commands.outcomes import Outcome, Slices
from meridian_resp.commands.registry import CommandSpec, Flag, Group, command
from meridian_resp.config.choices import ConsistencyLevel
from meridian_resp.protocol.replies import Reply
from meridian_resp.server.dispatch import TICK_BATCH_BYTES_MAX
from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, line, request

PONG = b"+PONG\r\n"
QUEUED = b"+QUEUED\r\n"


def server_and_client(**options: Any) -> tuple[SimulatedServer, MemoryClient]:
    """An open server with one client."""
    server = SimulatedServer(**options).open()
    return server, server.connect()


# --- failing handlers ---


@command(
    "BREAK", arity=-1, flags=Flag.WRITE, group=Group.GENERIC, since="7.0.0",
    summary="Records an effect and fails.", complexity="O(1)",
)  # fmt: skip
def _break(context: Context, arguments: list[bytes]) -> Reply:
    context.effects.put_string(context.database, b"broken", b"1")
    raise ZeroDivisionError("a fault")


def _failing_steps() -> Generator[None, None, Reply]:
    yield
    raise ZeroDivisionError("a fault")


@command(
    "BREAKLATER", arity=1, flags=Flag.LONG, group=Group.GENERIC, since="7.0.0",
    summary="Fails in its second slice.", complexity="O(1)",
)  # fmt: skip
def _break_later(context: Context, arguments: list[bytes]) -> Outcome:
    return Slices(_failing_steps())


BREAKING: tuple[CommandSpec, ...] = tuple(
    spec
    for handler in (_break, _break_later)
    for spec in handler.command_specs  # type: ignore[attr-defined] # set by the decorator
)


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_fault_in_a_handler_is_an_error_reply(is_plain: bool) -> None:
    """Its effects are dropped, the commands around it are executed, on both paths."""
    server, client = server_and_client(extra=BREAKING)
    if not is_plain:
        server.ask(server.connect(), "MONITOR")
    reply = server.ask(client, "SET a 1", "BREAK", "SET b 2", "EXISTS a b broken")
    fault = b"-ERR internal error (ZeroDivisionError), the command changed nothing\r\n"
    assert reply == b"+OK\r\n" + fault + b"+OK\r\n:2\r\n"


def test_a_fault_in_a_transaction_spoils_only_its_command(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The commands around it in the queue take effect, as in Redis."""
    server, client = server_and_client(extra=BREAKING)
    reply = server.ask(client, "MULTI", "SET a 1", "BREAK", "SET b 2", "EXEC", "EXISTS a b broken")
    assert reply.endswith(
        b"*3\r\n+OK\r\n-ERR internal error (ZeroDivisionError), the command changed nothing\r\n"
        b"+OK\r\n:2\r\n"
    )
    assert "a fault in the server" in caplog.text


def test_a_fault_in_a_slice_is_an_error_reply(caplog: pytest.LogCaptureFixture) -> None:
    """The server serves on, and so does the client's connection."""
    server, client = server_and_client(extra=BREAKING)
    reply = server.ask(client, "BREAKLATER", "PING")
    assert reply == b"-ERR internal error (ZeroDivisionError)\r\n" + PONG
    assert "over several ticks" in caplog.text


def test_errors_are_counted_by_code() -> None:
    """What INFO errorstats shows."""
    server, client = server_and_client()
    server.ask(client, "SET a x", "INCR a", "NOSUCH", "GET", "EXEC")
    assert server.node.dispatcher.errors_by_code == {"ERR": 4}
    increase = server.node.runnables.by_full_name["incr"]
    assert (increase.calls, increase.errors, increase.rejected) == (1, 1, 0)
    assert server.node.runnables.by_full_name["get"].rejected == 1


# --- the gates ---


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("NOSUCH a b", b"-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n"),
        ("get", b"-ERR wrong number of arguments for 'get' command\r\n"),
        ("CLIENT NOSUCH", b"-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n"),
        ("config get", b"-ERR wrong number of arguments for 'config|get' command\r\n"),
        ("gEt a", b"$-1\r\n"),
    ],
)
def test_refusals_before_execution(sent: str, expected: bytes) -> None:
    """Redis' words; names in any case."""
    server, client = server_and_client()
    assert server.ask(client, sent) == expected


def test_unauthenticated_clients_may_only_authenticate() -> None:
    """NOAUTH for all but the commands that are for that; AUTH in the pipeline opens the rest."""
    server, client = server_and_client(requirepass=b"secret")
    no_auth = b"-NOAUTH Authentication required.\r\n"
    expected = no_auth * 2 + b"+OK\r\n$-1\r\n"
    assert server.ask(client, "GET a", "MULTI", "AUTH secret", "GET a") == expected
    other = server.connect()
    assert server.ask(other, "QUIT") == b"+OK\r\n"
    assert other.is_closed


def test_refused_writes() -> None:
    """While writes are refused: MISCONF for them, service for reads, and EXEC changes nothing."""
    server, client = server_and_client()
    server.ask(client, "SET a 1", "MULTI", "SET a 2")
    server.node.conditions.set_refusal("No space left on device")
    reply = server.ask(client, "EXEC")
    assert reply.startswith(b"-EXECABORT") and b"MISCONF" in reply
    other = server.connect()
    reply = server.ask(other, "SET a 3", "GET a", "DEL a", "PING")
    assert reply.count(b"-MISCONF") == 2
    assert b"$1\r\n1\r\n" in reply and reply.endswith(PONG)
    server.node.conditions.set_refusal(None)
    assert server.ask(client, "SET a 4", "GET a") == b"+OK\r\n$1\r\n4\r\n"


# --- transactions ---


def test_transactions_across_ticks() -> None:
    """Commands are queued one by one and run together; others run in between until EXEC."""
    server, client = server_and_client()
    other = server.connect()
    assert server.ask(client, "MULTI") == b"+OK\r\n"
    assert server.ask(client, "INCR n") == QUEUED
    assert server.ask(other, "INCR n") == b":1\r\n"
    assert server.ask(client, "INCR n") == QUEUED
    assert server.ask(client, "EXEC") == b"*2\r\n:2\r\n:3\r\n"
    assert server.ask(client, "GET n") == b"$1\r\n3\r\n"


def test_a_transaction_is_one_batch() -> None:
    """EXEC's effects reach the log in one append, and the queue may hold long commands."""
    server, client = server_and_client()
    server.ask(client, "SET a 1", "MULTI", "SET b 2", "KEYS a", "DEL a")
    appends: list[str] = []
    server.files.on_call = lambda number, operation, name: appends.append(operation)
    assert server.ask(client, "EXEC") == b"*3\r\n+OK\r\n*1\r\n$1\r\na\r\n:1\r\n"
    assert len(appends) == 1


def test_an_error_while_queueing_aborts() -> None:
    """EXEC of a queue with a refused command answers EXECABORT and runs nothing."""
    server, client = server_and_client()
    reply = server.ask(client, "MULTI", "SET a 1", "GET", "EXEC", "GET a")
    assert b"-EXECABORT Transaction discarded because of previous errors.\r\n$-1\r\n" in reply


def test_commands_that_wait_are_refused_in_transactions() -> None:
    """SAVE would have to wait; in MULTI it is an error and dooms the transaction."""
    server, client = server_and_client()
    reply = server.ask(client, "MULTI", "SAVE", "EXEC").split(b"\r\n")
    assert reply[1].startswith(b"-ERR")
    assert reply[2].startswith(b"-EXECABORT")


def test_a_watched_key_changed_by_another_client() -> None:
    """EXEC answers null and runs nothing; without a change it runs."""
    server, client = server_and_client()
    other = server.connect()
    server.ask(client, "WATCH a", "MULTI", "SET b 1")
    server.ask(other, "SET a 1")
    assert server.ask(client, "EXEC", "EXISTS b") == b"*-1\r\n:0\r\n"
    server.ask(client, "WATCH a", "MULTI", "SET b 1")
    assert server.ask(client, "EXEC", "EXISTS b") == b"*1\r\n+OK\r\n:1\r\n"


# --- replies that are not wanted ---


def test_client_reply_off_and_on() -> None:
    """OFF silences itself and all that follows, slices too; ON answers again."""
    server, client = server_and_client()
    sent = ["PING", "CLIENT REPLY OFF", "SET a 1", "KEYS *", "NOSUCH", "CLIENT REPLY ON", "GET a"]
    assert server.ask(client, *sent) == PONG + b"+OK\r\n$1\r\n1\r\n"


def test_client_reply_skip() -> None:
    """SKIP silences itself and the next command only."""
    server, client = server_and_client()
    sent = ["CLIENT REPLY SKIP", "SET a 1", "GET a", "CLIENT REPLY SKIP", "KEYS *", "PING"]
    assert server.ask(client, *sent) == b"$1\r\n1\r\n" + PONG


def test_quit_without_replies_closes() -> None:
    """QUIT ends the connection although its reply is off."""
    server, client = server_and_client()
    assert server.ask(client, "CLIENT REPLY OFF", "QUIT", "SET a 1") == b""
    assert client.is_closed
    assert server.ask(server.connect(), "EXISTS a") == b":0\r\n"


# --- the end ---


def test_quit_in_the_middle_of_a_pipeline() -> None:
    """What comes before is answered, what follows is not executed."""
    server, client = server_and_client()
    assert server.ask(client, "SET a 1", "QUIT", "SET a 2") == b"+OK\r\n+OK\r\n"
    assert client.is_closed
    assert server.ask(server.connect(), "GET a") == b"$1\r\n1\r\n"


def test_a_client_kills_itself() -> None:
    """Its reply is still sent; what follows is not executed."""
    server, client = server_and_client()
    identifier = server.session(client).identifier
    sent = f"CLIENT KILL ID {identifier} SKIPME no"
    assert server.ask(client, sent, "SET a 1") == b":1\r\n"
    assert client.is_closed


def test_a_client_kills_others() -> None:
    """They are closed in the same tick, with left-over commands and stuck output too."""
    server, client = server_and_client()
    stuck, idle = server.connect(buffer_bytes=10), server.connect()
    server.ask(client, request("SET", "big", b"v" * 1000))
    stuck.send(line("GET big") * 3)
    server.step()
    for victim in (stuck, idle):
        identifier = server.session(victim).identifier
        assert server.ask(client, f"CLIENT KILL ID {identifier}") == b":1\r\n"
        assert victim.is_closed
    assert server.ask(client, "CLIENT LIST").count(b" addr=") == 1


def test_a_killed_client_is_not_listed_in_the_same_tick() -> None:
    """CLIENT KILL and CLIENT LIST in one pipeline agree."""
    server, client = server_and_client()
    victim = server.connect()
    identifier = server.session(victim).identifier
    reply = server.ask(client, f"CLIENT KILL ID {identifier}", "CLIENT LIST")
    assert reply.count(b" addr=") == 1


# --- monitor ---


def test_monitor_sees_all_paths() -> None:
    """Plain commands, queued ones when they run, and those of other databases; none twice."""
    server, client = server_and_client()
    monitor = server.connect()
    assert server.ask(monitor, "MONITOR") == b"+OK\r\n"
    server.ask(client, "SET a 1", "SELECT 3", "MULTI", "GET a", "EXEC")
    lines = monitor.take().splitlines()
    address = server.session(client).address.encode()
    shown = sorted(line.split(b"] ")[1] for line in lines)
    assert shown == [b'"EXEC"', b'"GET" "a"', b'"MULTI"', b'"SELECT" "3"', b'"SET" "a" "1"']
    assert b"[0 " + address in lines[0]
    assert b"[3 " + address in lines[-1]
    monitor.end()
    server.step()
    assert server.node.conditions.is_plain


# --- consistency ---


def test_linearizable_waits_for_the_log() -> None:
    """Under everysec only the reply of the command that asked for it waits, order kept."""
    server, client = server_and_client()
    other = server.connect()
    client.send(line("CONSISTENCY LINEARIZABLE SET a 1") + line("PING"))
    other.send(line("SET b 1"))
    server.step()
    assert client.take() == b""
    assert other.take() == b"+OK\r\n"
    server.sync()
    assert client.take() == b"+OK\r\n" + PONG
    linear = server.node.runnables.by_full_name["set"].calls_at_level
    assert linear == {"LINEARIZABLE": 1}


def test_the_level_of_a_connection_holds_until_changed() -> None:
    """Set once, every command of the connection waits; with another level it does not."""
    server, client = server_and_client()
    client.send(line("CONSISTENCY LINEARIZABLE"))
    server.step()
    server.sync()
    client.take()
    client.send(line("GET a"))
    server.step()
    assert client.take() == b""
    server.sync()
    assert client.take() == b"$-1\r\n"
    client.send(line("CONSISTENCY ONE"))
    server.step()
    server.sync()
    client.take()
    assert server.ask(client, "GET a") == b"$-1\r\n"


def test_the_default_level_can_be_linearizable() -> None:
    """With consistency-default LINEARIZABLE every reply waits for the log, slices too."""
    server, client = server_and_client(consistency_default=ConsistencyLevel.LINEARIZABLE)
    for words in ("SET a 1", "GET a", "KEYS *"):
        client.send(line(words))
        server.step()
        assert client.take() == b""
        server.sync()
        assert client.take() != b""


# --- accounting ---


def test_calls_are_counted_on_both_paths() -> None:
    """The plain path counts by tick, the gated path by call."""
    server, client = server_and_client()
    server.ask(client, "GET a", "GET a", "get a", "Get a", "CONFIG GET port")
    runnables = server.node.runnables.by_full_name
    assert runnables["get"].calls == 4
    assert runnables["config|get"].calls == 1
    assert server.node.dispatcher.total_calls == 5
    assert sum(runnables["get"].duration_buckets) == 4


def test_a_command_in_slices_is_timed_as_a_whole() -> None:
    """KEYS enters SLOWLOG and its statistics once, when its last slice is done."""
    server = SimulatedServer().open()
    client = server.connect()
    server.ask(client, "SET a b")
    server.ask(client, "CONFIG SET slowlog-log-slower-than 0")
    before = server.node.slow_log.total
    server.ask(client, "KEYS *")
    newest = server.node.slow_log.newest(1)[0]
    assert newest.arguments == (b"KEYS", b"*")
    assert server.node.slow_log.total == before + 1
    assert server.node.runnables.by_full_name["keys"].calls == 1


def test_a_slow_log_threshold_times_each_command() -> None:
    """With a threshold of 0 every command is logged with its arguments."""
    server, client = server_and_client(slowlog_log_slower_than_us=0)
    server.ask(client, "SET a 1", "GET a")
    assert server.node.slow_log.total == 2


def test_long_commands_are_never_plain() -> None:
    """What may answer `Later` or `Slices` goes through the gated path, which starts it."""
    server, _ = server_and_client()
    assert not any(runnable.is_long for runnable in server.node.runnables.plain.values())


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_pipeline_of_appends_to_a_long_value_filled_the_memory(is_plain: bool) -> None:
    """Each made a copy of the value within one tick; now a turn ends after 16 MB of them."""
    server = SimulatedServer().open()
    client = server.connect()
    if not is_plain:
        server.ask(server.connect(), "MONITOR")
    server.ask(client, request("SET", "log", b"x" * 300_000))
    client.send(line("APPEND log 0123456789") * 200)
    server.tick()
    session = server.session(client)
    done = TICK_BATCH_BYTES_MAX // 300_000 + 1
    assert done - 3 <= 200 - (len(session.backlog) - session.backlog_at) <= done
    server.step()
    assert client.take() == b"".join(b":%d\r\n" % (300_010 + 10 * n) for n in range(200))
    assert server.node.keyspace.long_bytes == 0
