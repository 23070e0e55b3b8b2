"""Active expiry: keys whose time is over are deleted in the background, in a share of the time.

Two sources feed it. The calendar (`datatypes/expiry_index.py`) knows the keys whose expiry was
written or met since the start. A sweep over storage, once after the start and again whenever the
calendar had to forget, finds the others and enters them. Each deletion is a logged effect, like
any other write, so replicas and recovery never look at a clock.

A cycle works for at most `CYCLE_S`; there are `hz` cycles a second, on the beat of the server's
other regular work, and as long as more is due the next one follows after `BUSY_S` at the latest:
at most a fifth of the time, times `active-expire-effort` up to a half.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

import trio

from meridian_resp.config.settings import Settings
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.datatypes.scanning import walk_expiring
from meridian_resp.server.beats import next_beat
from meridian_resp.server.reactor import Reactor
from storage import StorageError
from storage.wakeup import Wakeup

CYCLE_S: Final = 0.002
BUSY_S: Final = 0.010
_KEYS_PER_STEP: Final = 50


class Expiry:
    """Deletes expired keys: on a beat that it is told of, and in a task while that falls short."""

    def __init__(
        self,
        keyspace: Keyspace,
        reactor: Reactor,
        settings: Settings,
        monotonic: Callable[[], float],
    ) -> None:
        self._keyspace = keyspace
        self._reactor = reactor
        self._settings = settings
        self._monotonic = monotonic
        self._sweep: Generator[None, None, None] | None = self._sweep_all()
        #: DEBUG SET-ACTIVE-EXPIRE.
        self.is_active = True
        self.refusal: Callable[[], str | None] = lambda: None
        #: Seconds spent in cycles since the start.
        self.spent_s = 0.0
        self._has_more = True
        self._next_at_s = 0.0
        self._wakeup = Wakeup()

    async def run(self) -> None:
        """Follow up a cycle that left something over, until cancelled; see `beat`."""
        while True:
            while self._has_more:
                await trio.sleep(min(BUSY_S, 1 / self._settings.hz))
                self._has_more = self._try_cycle()
            await self._wakeup.wait()

    def beat(self, now_s: float) -> None:
        """Run one of the `hz` cycles of a second if it is due and none is followed up."""
        if now_s < self._next_at_s or self._has_more:
            return
        self._next_at_s = next_beat(now_s, 1 / self._settings.hz)
        self._has_more = self._try_cycle()
        if self._has_more:
            self._wakeup.ring()

    def _try_cycle(self) -> bool:
        """One cycle if there may be one now; whether more is to be done at once."""
        # During a pause the calendar would forget keys that nobody may delete now.
        if not self.is_active or self.refusal() is not None or self._keyspace.is_paused:
            return False
        started = self._monotonic()
        has_more = self._cycle(started)
        self.spent_s += self._monotonic() - started
        return has_more

    def _cycle(self, started: float) -> bool:
        """One cycle; whether more is to be done at once."""
        share = min(1 + (self._settings.active_expire_effort - 1) / 6, 2.5)
        deadline = started + CYCLE_S * share
        keyspace = self._keyspace
        self._reactor.begin_tick()
        due = keyspace.expiry_index.take_due(keyspace.now_ms, _KEYS_PER_STEP)
        while due:
            self._look_at(due)
            if self._monotonic() > deadline:
                break
            due = keyspace.expiry_index.take_due(keyspace.now_ms, _KEYS_PER_STEP)
        has_more = bool(due)
        if not has_more:
            has_more = self._sweep_step()
        if keyspace.batch.entries:
            self._reactor.end_tick()
        if self.refusal() is not None:
            # The log has failed and the deletions are undone, but the calendar has forgotten them.
            self._sweep = self._sweep_all()
        return has_more

    def _look_at(self, due: list[tuple[int, bytes]]) -> None:
        """Delete those of the keys that are really expired now."""
        keyspace = self._keyspace
        by_id = {database.keyspace_id: database for database in keyspace.databases}
        for keyspace_id, key in due:
            database = by_id.get(keyspace_id)
            if database is not None:
                try:
                    database.get(key)
                except StorageError:
                    keyspace.effects.clear()
                    continue
        if keyspace.effects.pending:
            keyspace.apply()

    def _sweep_step(self) -> bool:
        """One slice of the sweep; whether it goes on."""
        keyspace = self._keyspace
        if self._sweep is None:
            if not keyspace.expiry_index.take_overflowed():
                return False
            self._sweep = self._sweep_all()
        try:
            next(self._sweep)
        except StopIteration:
            self._sweep = None
        except StorageError:
            self._sweep = None  # unreadable tables are reported by whoever reads them for a client
            keyspace.effects.clear()
        if keyspace.effects.pending:
            keyspace.apply()
        return self._sweep is not None

    def _sweep_all(self) -> Generator[None, None, None]:
        for database in self._keyspace.databases:
            if database.expiring:
                yield from walk_expiring(database)

    def on_expired(self, reported: list[tuple[bytes, int]]) -> None:
        """Compaction met expired records: (storage key, version). Look at them as if due."""
        self._keyspace.enter_reported(reported)
