"""Runs commands on a keyspace in memory, without a server: one call, one reply on wire form.

The runner does what dispatch does for the plain case: it looks the command up, checks its arity,
calls the handler, applies the effects and commits a tick per command (or leaves the tick open
with `commits=False`). MULTI queues as in the server. Time stands still until a test moves it.
"""

from __future__ import annotations

import random
from typing import cast

from meridian_resp.commands import build_table
from meridian_resp.commands.context import ServerPort
from meridian_resp.commands.outcomes import Later, Slices, run_to_end
from meridian_resp.commands.registry import CommandSpec, CommandTable
from meridian_resp.commands.transactions import give_up
from meridian_resp.config.settings import Settings
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.errors import CommandError, wrong_arguments
from meridian_resp.protocol.replies import QUEUED, array, encode, error
from meridian_resp.server.session import Connection, Session
from tests.harness.memory_store import MemoryStore

#: 2023-11-14, a round number of milliseconds.
START_MS = 1_700_000_000_000
EXECUTED_AT_ONCE = frozenset({"exec", "discard", "multi", "watch"})


class NoConnection:
    """A connection that nobody is behind."""

    def fileno(self) -> int:
        """A number that is no descriptor."""
        return -1

    def recv(self, size: int, /) -> bytes:
        """Nothing ever comes."""
        raise BlockingIOError

    def send(self, data: bytes | memoryview, /) -> int:
        """Nothing is ever taken."""
        raise BlockingIOError

    def close(self) -> None:
        """Nothing to close."""


class RunnerServer:
    """The part of the server that data commands ask for."""

    def __init__(self, runner: CommandRunner) -> None:
        self.runner = runner
        #: Sessions whose state changed, in order.
        self.changed: list[Session] = []

    def change_state(self, session: Session) -> None:
        """Remember that the session's gates would be derived anew."""
        self.changed.append(session)

    def execute_queued(self, session: Session) -> bytes:
        """Run the queue as the server does."""
        queue, session.queue = session.queue or [], None
        return array([self.runner.call(session, spec, arguments) for spec, arguments in queue])


class CommandRunner:
    """A keyspace, one context, and any number of sessions; itself the context of handlers."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        settings: Settings | None = None,
        databases: int = 16,
        cache_bytes_max: int = 1 << 30,
        table: CommandTable | None = None,
        now_ms: int = START_MS,
    ) -> None:
        self.store = store or MemoryStore()
        self.settings = settings or Settings()
        self.keyspace = Keyspace(self.store, databases=databases, cache_bytes_max=cache_bytes_max)
        self.keyspace.open(now_ms)
        self.keyspace.key_bytes_max = self.settings.key_size_max_bytes
        self.effects = self.keyspace.effects
        self.commands = table or build_table()
        self.recorder = RunnerServer(self)
        self.server = cast(ServerPort, self.recorder)
        self.random = random.Random(1)
        self.now_ms = now_ms
        self.commits = True
        self.session = self.new_session()
        self.database = self.session.database

    def new_session(self) -> Session:
        """Another client, in database 0."""
        session = Session(
            1,
            cast(Connection, NoConnection()),
            None,  # type: ignore[arg-type] # nothing is ever parsed
            self.keyspace.databases[0],
            address="127.0.0.1:1",
            local_address="127.0.0.1:2",
            is_unix=False,
            now_s=self.now_ms / 1000,
        )
        session.is_authenticated = True
        return session

    def pass_ms(self, duration_ms: int) -> None:
        """Let time go on."""
        self.now_ms += duration_ms
        self.keyspace.begin_tick(self.now_ms)

    def run(self, *arguments: bytes | str | int, session: Session | None = None) -> bytes:
        """The wire form of a command's reply; words are split at blanks if only one is given."""
        if len(arguments) == 1 and isinstance(arguments[0], str):
            words = [word.encode() for word in arguments[0].split()]
        else:
            words = [item if isinstance(item, bytes) else str(item).encode() for item in arguments]
        return self._run(session or self.session, words)

    def _run(self, session: Session, words: list[bytes]) -> bytes:
        spec = self.commands.find(words[0])
        assert spec is not None, f"unknown command {words[0]!r}"
        if spec.subcommands and len(words) > 1:
            spec = self.commands.find_subcommand(spec, words[1]) or spec
        if not spec.accepts(len(words)):
            if spec.name == "exec":
                give_up(self._context_of(session))
                reason = wrong_arguments("exec").removeprefix("ERR ")
                return error(f"EXECABORT Transaction discarded because of: {reason}")
            session.queue_error = session.queue is not None
            return error(wrong_arguments(spec.full_name))
        if session.queue is not None and spec.name not in EXECUTED_AT_ONCE:
            session.queue.append((spec, words))
            return QUEUED
        reply = self.call(session, spec, words)
        if self.commits:
            self.keyspace.commit()
        return reply

    def _context_of(self, session: Session) -> CommandRunner:
        self.session, self.database = session, session.database
        return self

    def call(self, session: Session, spec: CommandSpec, words: list[bytes]) -> bytes:
        """Run a handler and apply its effects."""
        try:
            outcome = spec.handler(self._context_of(session), words)
            if isinstance(outcome, Slices):
                outcome = run_to_end(outcome)
            assert not isinstance(outcome, Later)
            reply = encode(outcome, session.protocol)
            self.keyspace.apply()
        except CommandError as refusal:
            self.effects.clear()
            return error(refusal.text)
        return reply
