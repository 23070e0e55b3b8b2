"""Real processes that are killed or run out of disk: what was acknowledged stays."""

from __future__ import annotations

import resource
import signal
import threading
from pathlib import Path

import pytest

from tests.harness.server_process import ServerProcess, running
from tests.harness.simulated_server import request

pytestmark = pytest.mark.process


class Writer(threading.Thread):
    """Writes numbered keys until its connection breaks.

    Attributes:
        acknowledged: how many writes were answered.
        has_begun: set after the first hundred.
    """

    def __init__(self, server: ServerProcess, in_transactions: bool) -> None:
        super().__init__()
        self._server = server
        self._in_transactions = in_transactions
        self.acknowledged = 0
        self.has_begun = threading.Event()

    def run(self) -> None:
        """Write and count."""
        try:
            with self._server.connect() as wire:
                while True:
                    number = self.acknowledged
                    if self._in_transactions:
                        for command in ("MULTI", f"SET a {number}", f"SET b {number}"):
                            wire.ask(command)
                        assert wire.ask("EXEC") == b"*2"
                        assert [wire.reply(), wire.reply()] == [b"+OK", b"+OK"]
                    else:
                        assert wire.ask(f"SET key:{number} {number}") == b"+OK"
                    self.acknowledged += 1
                    if self.acknowledged == 100:
                        self.has_begun.set()
        except OSError:
            return  # the server was killed


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_a_killed_server_has_kept_what_it_acknowledged(policy: str, tmp_path: Path) -> None:
    """kill -9 under a concurrent writer loses nothing that was answered, whatever the policy."""
    for _ in range(2):
        with running(tmp_path, "--appendfsync", policy) as server:
            with server.connect() as wire:
                assert wire.ask("FLUSHALL") == b"+OK"
            writer = Writer(server, in_transactions=False)
            writer.start()
            assert writer.has_begun.wait(20)
            server.stop(signal.SIGKILL)
            writer.join()
        with running(tmp_path) as server, server.connect() as wire:
            kept = [wire.ask(f"GET key:{number}") for number in range(writer.acknowledged)]
            assert kept == [b"%d" % number for number in range(writer.acknowledged)]
            count = int(wire.ask("DBSIZE")[1:])
            assert writer.acknowledged <= count <= writer.acknowledged + 1


def test_transactions_are_all_or_nothing(tmp_path: Path) -> None:
    """After kill -9 both keys of a transaction have one value, the last acknowledged or next."""
    with running(tmp_path) as server:
        writer = Writer(server, in_transactions=True)
        writer.start()
        assert writer.has_begun.wait(20)
        server.stop(signal.SIGKILL)
        writer.join()
    with running(tmp_path) as server, server.connect() as wire:
        first, second = int(wire.ask("GET a")), int(wire.ask("GET b"))
        assert first == second
        assert first in (writer.acknowledged - 1, writer.acknowledged)


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """Writes are refused with MISCONF, reads go on, writes return with the space, all is kept."""
    with running(tmp_path) as server, server.connect() as wire:
        assert wire.ask("SET before 1") == b"+OK"
        process = server.process.pid
        usual = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, usual[1]))
        try:
            assert wire.ask("SET during 1").startswith(b"-MISCONF")
            assert wire.ask(request("SET", "before", "2")).startswith(b"-MISCONF")
            assert wire.ask("GET before") == b"1"
            assert wire.ask("EXISTS during") == b":0"
        finally:
            resource.prlimit(process, resource.RLIMIT_FSIZE, usual)
        for _ in range(300):
            if wire.ask("SET after 1") == b"+OK":
                break
            # A command that takes a moment, so that the server finds out before we give up.
            wire.ask("WAIT 1 50")
        else:
            raise AssertionError("writes do not return")
        server.stop(signal.SIGKILL)
    with running(tmp_path) as server, server.connect() as wire:
        answers = [wire.ask(f"GET {key}") for key in ("before", "during", "after")]
        assert answers == [b"1", b"$-1", b"1"]
