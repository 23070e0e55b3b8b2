"""Whole plays of many clients: every reply is there, once, in order, whatever happens meanwhile.

A play is a random number's: how much a turn and a tick may take, how large the kernel's buffers
are, who sends what in which pieces, who reads slowly, pauses everybody, is killed, leaves or
vanishes. Each client knows the reply to each of its commands, so its replies are compared byte
for byte: all of them if it stays, the first ones if it went. Its counter must stand at
something between the increments that were answered and those that were sent.
"""

from __future__ import annotations

import random

import pytest

from tests.harness.memory_io import MemoryClient
from tests.harness.simulated_server import SimulatedServer, request

STEPS = 120
CLIENTS_MAX = 40


class Player:
    """One client and what it may expect."""

    def __init__(self, server: SimulatedServer, rng: random.Random, number: int) -> None:
        self.server = server
        self.client: MemoryClient = server.io.connect(
            buffer_bytes=rng.choice((200, 5000, 1 << 16))
        )
        self.rng = rng
        self.counter = b"counter:%d" % number
        self.unsent = b""
        self.expected: list[bytes] = []
        self.received = b""
        #: How many of the expected replies there were after each increment.
        self.increments: list[int] = []
        self.has_quit = self.is_cut_off = False

    def _add(self, command: bytes, reply: bytes) -> None:
        self.unsent += command
        self.expected.append(reply)

    def _increment(self) -> bytes:
        self.increments.append(len(self.expected) + 1)
        return b":%d\r\n" % len(self.increments)

    def think(self) -> None:
        """Add one command to what is to be sent, or a few that belong together."""
        chance = self.rng.random()
        if chance < 0.55:
            word = b"%d" % len(self.expected)
            self._add(request("ECHO", word), b"$%d\r\n%b\r\n" % (len(word), word))
        elif chance < 0.8:
            self._add(request("INCR", self.counter), self._increment())
        elif chance < 0.87:
            value = b"v" * self.rng.choice((10, 3000))
            self._add(request("SET", self.counter + b":value", value), b"+OK\r\n")
            self._add(
                request("GET", self.counter + b":value"), b"$%d\r\n%b\r\n" % (len(value), value)
            )
        elif chance < 0.92:
            self._add(request("MULTI"), b"+OK\r\n")
            self._add(request("INCR", self.counter), b"+QUEUED\r\n")
            self._add(request("EXEC"), b"*1\r\n" + self._increment())
        elif chance < 0.94:
            self._add(request("KEYS", "none*"), b"*0\r\n")
        elif chance < 0.96:
            self._add(b"ECHO inline\r\n", b"$6\r\ninline\r\n")
        elif chance < 0.975:
            kind = self.rng.choice(("WRITE", "ALL"))
            self._add(request("CLIENT", "PAUSE", self.rng.choice((5, 100)), kind), b"+OK\r\n")
        elif chance < 0.99:
            self._add(request("CLIENT", "UNPAUSE"), b"+OK\r\n")
        elif self.rng.random() < 0.1:
            self._add(request("QUIT"), b"+OK\r\n")
            self.unsent += request("INCR", self.counter)
            self.has_quit = True

    def act(self) -> None:
        """Send and read some, or leave."""
        rng, client = self.rng, self.client
        if not (self.has_quit or client.connection.is_ended) and rng.random() < 0.4:
            for _ in range(rng.choice((1, 1, 1, 2, 10, 80, 200))):
                if not self.has_quit:
                    self.think()
        if self.unsent and rng.random() < 0.7:
            self.send(rng.choice((len(self.unsent), rng.randint(1, len(self.unsent)))))
        if rng.random() < 0.3:
            self.received += client.take(rng.choice((None, 50, 1000)))
        if rng.random() < 0.002:
            client.reset()
            self.is_cut_off = True
        elif rng.random() < 0.002 and not self.unsent:
            client.end()
            self.is_cut_off = True

    def send(self, count: int) -> None:
        """Hand over so many bytes."""
        if not self.client.is_closed:
            self.client.send(self.unsent[:count])
        self.unsent = self.unsent[count:]

    def check(self) -> None:
        """Compare what was received, and the counter, with what may be."""
        whole = b"".join(self.expected)
        if self.is_cut_off:
            assert whole.startswith(self.received)
            assert self.client.is_closed
        else:
            assert self.received == whole
            assert self.client.is_closed is self.has_quit
        answered, size = 0, 0
        while answered < len(self.expected) and size < len(self.received):
            size += len(self.expected[answered])
            answered += 1
        value = self.server.node.keyspace.databases[0].get_string(self.counter)
        least = sum(1 for place in self.increments if place <= answered)
        if size > len(self.received):
            least -= answered in self.increments
        assert least <= int(value or 0) <= len(self.increments)
        if not self.client.is_closed:
            session = self.server.session(self.client)
            assert session.is_reading and not session.backlog and not session.is_parked


class Play:
    """A server and its players, by a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.server = SimulatedServer(
            tick_time_max_us=rng.choice((1, 50, 2000)),
            turn_commands_max=rng.choice((1, 3, 64, 500)),
            turn_bytes_max=rng.choice((500, 1024, 1 << 16)),
        ).open()
        self.server.io.reading_s = rng.choice((1e-6, 1e-4, 1e-3))
        self.players: list[Player] = []
        for _ in range(rng.randint(2, CLIENTS_MAX)):
            self.join()

    def join(self) -> None:
        """One more player."""
        self.players.append(Player(self.server, self.rng, len(self.players)))

    def perform(self) -> None:
        """Let everybody act at random, with ticks and time in between."""
        for _ in range(STEPS):
            for player in self.rng.sample(self.players, min(len(self.players), 12)):
                player.act()
            for _ in range(self.rng.randint(0, 4)):
                self.server.tick()
            if self.rng.random() < 0.2:
                self.pass_s(self.rng.choice((0.001, 0.05, 0.2)))
            if self.rng.random() < 0.03:
                self.join()
            if self.rng.random() < 0.01:
                self.kill(self.rng.choice(self.players))

    def kill(self, player: Player) -> None:
        """Close a player between two ticks, as a limit or another client may."""
        session = self.server.node.registry.by_number.get(player.client.connection.number)
        if session is not None and session.connection is player.client.connection:
            self.server.reactor.begin_tick()
            self.server.reactor.close_later(session, "killed")
            self.server.reactor.end_tick()
            player.is_cut_off = True

    def pass_s(self, seconds: float) -> None:
        """Time goes on; what is due by it is done."""
        self.server.pass_s(seconds)
        self.server.node.beats.beat(self.server.io.monotonic())

    def end(self) -> None:
        """Let everybody send the rest and read all, until nothing moves any more."""
        moved = True
        while moved:
            moved = False
            self.pass_s(0.2)
            for player in self.players:
                moved |= bool(player.unsent)
                player.send(len(player.unsent))
            moved |= self.server.step() > 0
            for player in self.players:
                if data := player.client.take():
                    player.received += data
                    moved = True


@pytest.mark.parametrize("seed", range(30))
def test_every_reply_comes_once_and_in_order(seed: int) -> None:
    """Also at the longest bounds of a turn and at the shortest, for everybody who stays."""
    play = Play(seed)
    play.perform()
    play.end()
    for player in play.players:
        player.check()
