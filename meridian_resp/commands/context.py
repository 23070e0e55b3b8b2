"""What a handler may see and use: one object per node, set up for each client's turn.

Handlers get the running command's database, effects, time and session facts directly, and the
rest of the server only through the narrow `ServerPort`. They never import the server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from meridian_resp.commands.cluster_port import ClusterPort
    from meridian_resp.commands.registry import CommandTable
    from meridian_resp.commands.slot_marks import SlotMarks
    from meridian_resp.config.settings import Settings
    from meridian_resp.datatypes.database import Database
    from meridian_resp.datatypes.effects import Effects
    from meridian_resp.datatypes.keyspace import Keyspace
    from meridian_resp.server.latency import LatencyMonitor
    from meridian_resp.server.session import Session
    from meridian_resp.server.slow_log import SlowLog
    from meridian_resp.server.statistics import ServerStatistics
    from storage import StorageStatistics


class ServerPort(Protocol):
    """What commands about the server itself may ask of it."""

    slow_log: SlowLog
    latency: LatencyMonitor
    #: EXEC runs its queue now: what would wait must answer at once.
    is_in_transaction: bool
    #: The cluster that this server is a node of; None without one.
    cluster: ClusterPort | None
    #: Marks of CLUSTER SETSLOT.
    slot_marks: SlotMarks

    def monotonic(self) -> float:
        """Seconds of the clock that the times of sessions are on."""

    async def sleep(self, seconds: float | None) -> None:
        """Wait so long, or for ever (None); for `Later` work."""

    async def compute(self, work: Callable[[], bytes]) -> bytes:
        """Run long work on values that nobody changes, while clients are served; for `Later`."""

    def sessions(self) -> Iterable[Session]:
        """All connected clients, oldest first."""

    def find_session(self, identifier: int) -> Session | None:
        """The client of that id."""

    def close_session(self, session: Session) -> None:
        """Close a client after its pending output was sent (CLIENT KILL, QUIT)."""

    def pause(self, until_ms: int, *, writes_only: bool) -> None:
        """Delay commands (only writes if so asked) until a Unix time in ms (CLIENT PAUSE)."""

    def unpause(self) -> None:
        """End a pause (CLIENT UNPAUSE)."""

    def add_monitor(self, session: Session) -> None:
        """Send every command from now on to this client (MONITOR)."""

    def remove_monitor(self, session: Session) -> None:
        """Send a monitoring client no more commands (RESET); nothing for any other client."""

    def set_active_expiry(self, is_enabled: bool) -> None:
        """Let the active expiry cycle run or rest (DEBUG SET-ACTIVE-EXPIRE)."""

    def change_state(self, session: Session) -> None:
        """Re-derive a session's gates after its state changed (AUTH, MULTI, RESET, HELLO)."""

    def execute_queued(self, session: Session) -> bytes:
        """Run the session's queue as one transaction and give EXEC's array."""

    def statistics(self) -> ServerStatistics:
        """Counters and gauges of the server, fresh."""

    def storage_statistics(self) -> StorageStatistics:
        """Counters and gauges of the storage engine, fresh."""

    def reset_statistics(self) -> None:
        """CONFIG RESETSTAT."""

    async def flush_storage(self) -> None:
        """Bring everything logged into tables (SAVE); raises StorageError."""

    def start_background_flush(self) -> bool:
        """Start a flush in the background (BGSAVE); False if one runs already."""

    def last_save(self) -> tuple[int, bool]:
        """Unix seconds of the last completed flush, and whether it went well."""

    def is_saving(self) -> bool:
        """Whether a background flush runs."""

    def shutdown(self, *, save: bool) -> None:
        """Stop the server gracefully; replies already made are still sent."""


class Context(Protocol):
    """The handler's view of the node during one command."""

    session: Session
    database: Database
    effects: Effects
    keyspace: Keyspace
    settings: Settings
    commands: CommandTable
    server: ServerPort
    random: random.Random
    #: Unix milliseconds, the same for all commands of a tick.
    now_ms: int
