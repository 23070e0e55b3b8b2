"""The one concrete `Context`: what the running command sees."""

from __future__ import annotations

import random

from meridian_resp.commands.context import ServerPort
from meridian_resp.commands.registry import CommandTable
from meridian_resp.config.settings import Settings
from meridian_resp.datatypes.database import Database
from meridian_resp.datatypes.effects import Effects
from meridian_resp.datatypes.keyspace import Keyspace
from meridian_resp.server.session import Session


class Execution:
    """Context of the running command; one object per node, pointed at each session in turn."""

    __slots__ = (
        "commands", "database", "effects", "keyspace", "now_ms", "random", "server", "session",
        "settings",
    )  # fmt: skip

    session: Session
    database: Database
    server: ServerPort

    def __init__(
        self, keyspace: Keyspace, settings: Settings, commands: CommandTable, rng: random.Random
    ) -> None:
        self.keyspace = keyspace
        self.effects: Effects = keyspace.effects
        self.settings = settings
        self.commands = commands
        self.random = rng
        self.now_ms = 0

    def begin_tick(self, now_ms: int) -> None:
        """Set the time that every command of the tick sees."""
        self.now_ms = now_ms
        self.keyspace.begin_tick(now_ms)

    def enter(self, session: Session) -> None:
        """Point the context at a session."""
        self.session = session
        self.database = session.database
