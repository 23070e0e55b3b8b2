"""A server that only remembers: what commands about the server ask of it, without one running."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import trio

from meridian_resp.commands.cluster_port import ClusterPort
from meridian_resp.commands.context import ServerPort
from meridian_resp.commands.outcomes import Later
from meridian_resp.commands.slot_marks import SlotMarks
from meridian_resp.protocol.request_limits import RequestLimits
from meridian_resp.protocol.requests import RequestParser
from meridian_resp.server.latency import LatencyMonitor
from meridian_resp.server.session import Session
from meridian_resp.server.slow_log import SlowLog
from meridian_resp.server.statistics import ServerStatistics
from storage import StorageError, StorageStatistics
from tests.harness.command_runner import START_MS, CommandRunner


class FakeServer:
    """`ServerPort` for tests: its clients are a list, its answers are attributes."""

    def __init__(self) -> None:
        self.slow_log = SlowLog()
        self.latency = LatencyMonitor()
        self.is_in_transaction = False
        self.cluster: ClusterPort | None = None
        self.slot_marks = SlotMarks()
        self.clients: list[Session] = []
        self.closed: list[Session] = []
        self.changed: list[Session] = []
        self.monitors: list[Session] = []
        self.pauses: list[tuple[int, bool]] = []
        self.shutdowns: list[bool] = []
        self.slept: list[float | None] = []
        self.active_expiry: list[bool] = []
        self.resets = 0
        self.flushes = 0
        self.flush_failure: StorageError | None = None
        self.saving = False
        self.now_s = 100.0
        self.server_statistics = ServerStatistics(version="0")
        self.engine_statistics = StorageStatistics()

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float | None) -> None:
        await trio.lowlevel.checkpoint()
        self.slept.append(seconds)

    async def compute(self, work: Callable[[], bytes]) -> bytes:
        await trio.lowlevel.checkpoint()
        return work()

    def sessions(self) -> Iterable[Session]:
        return list(self.clients)

    def find_session(self, identifier: int) -> Session | None:
        return next((one for one in self.clients if one.identifier == identifier), None)

    def close_session(self, session: Session) -> None:
        self.closed.append(session)

    def pause(self, until_ms: int, *, writes_only: bool) -> None:
        self.pauses.append((until_ms, writes_only))

    def unpause(self) -> None:
        self.pauses.clear()

    def add_monitor(self, session: Session) -> None:
        self.monitors.append(session)

    def remove_monitor(self, session: Session) -> None:
        if session in self.monitors:
            self.monitors.remove(session)

    def set_active_expiry(self, is_enabled: bool) -> None:
        self.active_expiry.append(is_enabled)

    def change_state(self, session: Session) -> None:
        self.changed.append(session)

    def execute_queued(self, session: Session) -> bytes:
        raise AssertionError("no transaction runs here")

    def statistics(self) -> ServerStatistics:
        return self.server_statistics

    def storage_statistics(self) -> StorageStatistics:
        return self.engine_statistics

    def reset_statistics(self) -> None:
        self.resets += 1

    async def flush_storage(self) -> None:
        await trio.lowlevel.checkpoint()
        self.flushes += 1
        if self.flush_failure is not None:
            raise self.flush_failure

    def start_background_flush(self) -> bool:
        if self.saving:
            return False
        self.saving = True
        return True

    def last_save(self) -> tuple[int, bool]:
        return START_MS // 1000 - 60, True

    def is_saving(self) -> bool:
        return self.saving

    def shutdown(self, *, save: bool) -> None:
        self.shutdowns.append(save)


class ServerRunner(CommandRunner):
    """A command runner with a fake server behind it, whose one client is the runner's own."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeServer()
        self.server = cast(ServerPort, self.fake)
        self.fake.clients.append(self.session)

    def new_session(self) -> Session:
        """Another client, with a parser; its id and address count up."""
        session = super().new_session()
        number = len(self.fake.clients) + 1 if hasattr(self, "fake") else 1
        session.identifier = number
        session.address = f"127.0.0.1:{5000 + number}"
        session.local_address = "127.0.0.1:7401"
        session.created_at_s = session.last_active_s = 40.0
        session.parser = RequestParser(RequestLimits())
        if hasattr(self, "fake"):
            self.fake.clients.append(session)
        return session

    def later(self, command: str) -> Later:
        """The work that a command leaves for later."""
        words = [word.encode() for word in command.split()]
        spec = self.commands.find(words[0])
        assert spec is not None
        outcome = spec.handler(self, words)
        assert isinstance(outcome, Later)
        return outcome

    def resp3(self) -> ServerRunner:
        """Speak RESP3 from now on."""
        self.session.protocol = 3
        return self
