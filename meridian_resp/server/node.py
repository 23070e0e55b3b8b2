"""The node's parts wired together, and the narrow port through which commands reach them.

`Node` builds the keyspace, dispatch, reactor and background tasks on an open engine, and
implements `commands.context.ServerPort`. It has no logic of its own beyond the wiring: each
method hands on to the part that owns the subject.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from typing import Final

import trio

from meridian_resp.commands.cluster_port import ClusterPort
from meridian_resp.commands.registry import CommandTable
from meridian_resp.commands.slot_marks import SlotMarks
from meridian_resp.config.choices import AppendFsync
from meridian_resp.config.settings import Settings
from meridian_resp.config.storage_options import CHANGEABLE_NAMES, storage_options
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.protocol.request_limits import RequestLimits
from meridian_resp.server.beats import Beats, next_beat
from meridian_resp.server.cluster_reactor import ClusterReactor
from meridian_resp.server.collecting import collect_statistics
from meridian_resp.server.conditions import Conditions
from meridian_resp.server.dispatch import Dispatcher
from meridian_resp.server.execution import Execution
from meridian_resp.server.expiry import Expiry
from meridian_resp.server.forwarding import ForwardingStatistics
from meridian_resp.server.io import Io
from meridian_resp.server.latency import LatencyMonitor
from meridian_resp.server.long_commands import LongCommands
from meridian_resp.server.rates import Rates
from meridian_resp.server.reactor import Reactor
from meridian_resp.server.runnable import Runnable, Runnables
from meridian_resp.server.saving import Saving
from meridian_resp.server.session import Session
from meridian_resp.server.sessions import Sessions
from meridian_resp.server.slow_log import SlowLog
from meridian_resp.server.statistics import ServerStatistics
from storage import StorageError, StorageStatistics
from storage.engine import Engine

logger = logging.getLogger(__name__)

_TENTH_S: Final = 0.1


class Node:
    """All parts of one serving process above storage. Implements `ServerPort`."""

    def __init__(
        self, engine: Engine, io: Io, settings: Settings, table: CommandTable, rng: random.Random
    ) -> None:
        self.engine = engine
        self.io = io
        self.settings = settings
        self.run_id = f"{rng.getrandbits(160):040x}"
        self.started_at_s = io.wall_ms() / 1000
        self.keyspace = Keyspace(
            engine,
            databases=settings.databases,
            cache_bytes_max=settings.cache_size_mb << 20,
        )
        self.limits = RequestLimits(bulk_bytes_max=settings.proto_max_bulk_len_bytes)
        self.runnables = Runnables(table)
        self.conditions = Conditions(self.runnables.plain)
        self.slow_log = SlowLog(settings.slowlog_log_slower_than_us, settings.slowlog_max_len)
        self.latency = LatencyMonitor(settings.latency_monitor_threshold_ms)
        self.context = Execution(self.keyspace, settings, table, rng)
        self.context.server = self
        #: See `ServerPort`; dispatch tells.
        self.is_in_transaction = False
        #: See `ServerPort`.
        self.cluster: ClusterPort | None = None
        self.slot_marks = SlotMarks()
        #: Counters of requests handed to other nodes; `ClusterServing` sets it.
        self.forwarding_statistics: Callable[[], ForwardingStatistics | None] = lambda: None
        #: Sessions besides those of connected clients; see `serve_cluster`.
        self._proxies: Callable[[], Iterable[Session]] = list
        self.dispatcher = Dispatcher(
            self.context, self.runnables, self.conditions, self.slow_log, self.latency
        )
        self.registry = Sessions(
            settings, self.limits, self.conditions, self.keyspace.databases[0]
        )
        reactor = ClusterReactor if settings.cluster_enabled else Reactor
        self.reactor = reactor(io, engine, self.context, self.dispatcher, self.registry, settings)
        self.long_commands = LongCommands(self.reactor, self.keyspace, self.context.enter)
        self.expiry = Expiry(self.keyspace, self.reactor, settings, io.monotonic)
        self.saving = Saving(engine, self.keyspace, io.wall_ms)
        self.watches = self.keyspace.watches
        self.rates = Rates()
        self._tenth_at_s = self._second_at_s = 0.0
        self.beats = self.reactor.beats = Beats(
            self._beat, lambda: min(_TENTH_S, 1 / settings.hz), io.monotonic
        )
        self._sync_wanted = trio.Event()
        #: Called once by `shutdown`; cancels the serving scope.
        self.on_shutdown: Callable[[bool], None] = lambda save: None
        self._wire()

    def _wire(self) -> None:
        """Connect the parts that only know each other by callables."""
        self.conditions.mark_dirty = self.reactor.mark_dirty
        self.conditions.close = self.reactor.close_later
        self.conditions.start_long = self.long_commands.start
        self.conditions.on_pause = self._take_pause
        self.registry.on_remove += [
            self.long_commands.forget,
            self.conditions.remove_monitor,
            self.keyspace.watches.forget,
        ]
        self.expiry.refusal = lambda: self.engine.refusal
        self.engine.on_synced = self.reactor.on_synced
        self.engine.live_keyspaces = lambda: self.keyspace.live_keyspace_ids
        self.engine.on_expired = self.expiry.on_expired
        self.reactor.request_sync = lambda: self._sync_wanted.set()
        self._follow_settings()

    def _take_pause(self, is_paused: bool) -> None:
        self.keyspace.is_paused = is_paused

    def _follow_settings(self) -> None:
        """Take over settings now and whenever CONFIG SET changes them."""
        followed: list[tuple[tuple[str, ...], Callable[[], None]]] = [
            (("slowlog-log-slower-than", "latency-monitor-threshold"), self._take_thresholds),
            (("consistency-default",), self._take_default_level),
            (("slowlog-max-len",), self._take_slow_log_length),
            (("cache-size-mb",), self._take_cache_size),
            (("key-size-max-bytes",), self._take_key_size),
            (("proto-max-bulk-len",), self._take_bulk_length),
            (("client-output-buffer-limit",), self._take_output_limits),
            (CHANGEABLE_NAMES, self._take_storage_options),
        ]
        for names, hook in followed:
            hook()
            for name in names:
                self.settings.on_change(name, hook)

    def _take_thresholds(self) -> None:
        settings = self.settings
        self.slow_log.threshold_usec = settings.slowlog_log_slower_than_us
        self.latency.threshold_ms = settings.latency_monitor_threshold_ms
        self.conditions.set_slow_threshold(
            settings.slowlog_log_slower_than_us, settings.latency_monitor_threshold_ms
        )

    def _take_default_level(self) -> None:
        self.conditions.set_default_level(self.settings.consistency_default.value)

    def _take_slow_log_length(self) -> None:
        self.slow_log.resize(self.settings.slowlog_max_len)

    def _take_cache_size(self) -> None:
        self.keyspace.cache_bytes_max = self.settings.cache_size_mb << 20

    def _take_key_size(self) -> None:
        self.keyspace.key_bytes_max = self.settings.key_size_max_bytes

    def _take_bulk_length(self) -> None:
        self.limits.bulk_bytes_max = self.settings.proto_max_bulk_len_bytes

    def _take_output_limits(self) -> None:
        self.reactor.output.limit = self.settings.client_output_buffer_limit.normal

    def _take_storage_options(self) -> None:
        self.engine.reconfigure(storage_options(self.settings))
        self.reactor.waits_for_sync = self.settings.appendfsync is AppendFsync.ALWAYS
        # Replies may wait that were made under `always`, and nothing else might sync the log.
        self._sync_wanted.set()

    # --- running ---

    def open(self) -> None:
        """Read the recovered store; call once, before `run`."""
        self.keyspace.open(self.io.wall_ms())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled: the reactor, expiry, long commands and regular work."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.long_commands.run)
            await nursery.start(self.saving.run)
            nursery.start_soon(self.expiry.run)
            nursery.start_soon(self.beats.run)
            nursery.start_soon(self._sync_on_request)
            task_status.started()
            await self.reactor.run()

    async def _sync_on_request(self) -> None:
        """Sync the log for replies that wait for it although `appendfsync` does not say always."""
        while True:
            await self._sync_wanted.wait()
            self._sync_wanted = trio.Event()
            try:
                await self.engine.sync()
            except StorageError as failure:
                logger.error("The log could not be synced: %s", failure)
                await trio.sleep(1)
                self._sync_wanted.set()
                continue
            self.reactor.on_synced()

    def _beat(self, now_s: float) -> None:
        """Do what depends on time only: expiry `hz` times a second, the rest ten times or once."""
        self.expiry.beat(now_s)
        if now_s >= self._tenth_at_s:
            self._tenth_at_s = next_beat(now_s, _TENTH_S)
            self._each_tenth(now_s)
        if now_s >= self._second_at_s:
            self._second_at_s = next_beat(now_s, 1.0)
            self._each_second(now_s)

    def _each_tenth(self, now_s: float) -> None:
        self.rates.sample(
            now_s,
            self.dispatcher.total_calls,
            self.reactor.input_bytes,
            self.reactor.output.total_bytes,
        )
        if self.engine.refusal != self.conditions.refusal:
            self.conditions.set_refusal(self.engine.refusal)
        if self.conditions.end_pause_if_over(self.io.wall_ms()):
            self._wake_waiting()
        self.keyspace.trim_if_idle()

    def _each_second(self, now_s: float) -> None:
        self.reactor.listeners.accept_again()
        limit_s = self.settings.timeout_s
        soft = self.reactor.output.limit.soft_bytes
        if not limit_s and not soft:
            return
        for session in list(self.registry.all()):
            if soft:
                self.reactor.output.close_slow(session, now_s)
            is_idle = limit_s and now_s - session.last_active_s > limit_s
            if is_idle and not session.is_busy and not session.is_monitor:
                self.reactor.close_later(session, f"idle for more than {limit_s} s")
        self.reactor.begin_tick()
        self.reactor.end_tick()

    def _wake_waiting(self) -> None:
        for session in (*self.registry.all(), *self._proxies()):
            if session.is_waiting:
                self.reactor.queue_to_run(session)

    def serve_cluster(
        self,
        cluster: ClusterPort,
        proxies: Callable[[], Iterable[Session]],
        check_queued: Callable[[Runnable, list[bytes]], None],
    ) -> None:
        """Be a node of a cluster; see `ClusterServing.attach`, which does the rest."""
        self.cluster = cluster
        self._proxies = proxies
        self.dispatcher.check_queued = check_queued

    # --- ServerPort ---

    def monotonic(self) -> float:
        """See `ServerPort.monotonic`."""
        return self.io.monotonic()

    async def sleep(self, seconds: float | None) -> None:
        """See `ServerPort.sleep`."""
        if seconds is None:
            await trio.sleep_forever()
        else:
            await trio.sleep(seconds)

    async def compute(self, work: Callable[[], bytes]) -> bytes:
        """See `ServerPort.compute`."""
        return await trio.to_thread.run_sync(work)

    def set_active_expiry(self, is_enabled: bool) -> None:
        """See `ServerPort.set_active_expiry`."""
        self.expiry.is_active = is_enabled

    def remove_monitor(self, session: Session) -> None:
        """See `ServerPort.remove_monitor`."""
        self.conditions.remove_monitor(session)

    def sessions(self) -> Iterable[Session]:
        """See `ServerPort.sessions`."""
        return [session for session in self.registry.all() if not session.is_gone]

    def find_session(self, identifier: int) -> Session | None:
        """See `ServerPort.find_session`."""
        session = self.registry.find(identifier)
        return None if session is None or session.is_gone else session

    def close_session(self, session: Session) -> None:
        """See `ServerPort.close_session`."""
        if session is self.context.session:
            self.reactor.close_after_output(session, "closed by its own command")
        else:
            # It may never take what waits for it, and being stuck is why it is to go.
            self.reactor.close_later(session, "closed by another client's command")

    def pause(self, until_ms: int, *, writes_only: bool) -> None:
        """See `ServerPort.pause`."""
        self.conditions.pause(until_ms, writes_only=writes_only)

    def unpause(self) -> None:
        """See `ServerPort.unpause`."""
        self.conditions.unpause()
        self._wake_waiting()

    def add_monitor(self, session: Session) -> None:
        """See `ServerPort.add_monitor`."""
        self.conditions.add_monitor(session)

    def change_state(self, session: Session) -> None:
        """See `ServerPort.change_state`."""
        session.parser.authenticated = session.is_authenticated
        self.conditions.change_state(session)

    def execute_queued(self, session: Session) -> bytes:
        """See `ServerPort.execute_queued`."""
        self.is_in_transaction = True
        try:
            return self.dispatcher.execute_queued(session)
        finally:
            self.is_in_transaction = False

    def statistics(self) -> ServerStatistics:
        """See `ServerPort.statistics`."""
        return collect_statistics(self)

    def storage_statistics(self) -> StorageStatistics:
        """See `ServerPort.storage_statistics`."""
        return self.engine.statistics()

    def reset_statistics(self) -> None:
        """See `ServerPort.reset_statistics`."""
        for runnable in self.runnables.by_full_name.values():
            runnable.reset()
        self.dispatcher.total_calls = 0
        self.dispatcher.errors_by_code.clear()
        self.registry.accepted_count = self.registry.rejected_count = 0
        self.reactor.input_bytes = self.reactor.output.total_bytes = 0
        self.keyspace.counters.reset()

    async def flush_storage(self) -> None:
        """See `ServerPort.flush_storage`."""
        await self.saving.flush()

    def start_background_flush(self) -> bool:
        """See `ServerPort.start_background_flush`."""
        return self.saving.start()

    def last_save(self) -> tuple[int, bool]:
        """See `ServerPort.last_save`."""
        return self.saving.last_s, self.saving.was_good

    def is_saving(self) -> bool:
        """See `ServerPort.is_saving`."""
        return self.saving.is_running

    def shutdown(self, *, save: bool) -> None:
        """See `ServerPort.shutdown`."""
        self.on_shutdown(save)
