from __future__ import annotations

import errno
from collections.abc import Generator

import pytest

from cluster.wire.frames import FRAME_BYTES_MAX
from cluster.wire.messages import (
    Forward,
    ForwardReply,
    KeyVersionsReply,
    KeyVersionsRequest,
    decode_message,
)
from meridian_resp.commands.outcomes import Outcome, Slices
from meridian_resp.commands.registry import CommandSpec, Flag, Group, Keys
from meridian_resp.protocol.replies import Reply
from meridian_resp.server import forward_execution as module
from meridian_resp.server.forward_execution import TOO_MANY, TURN_REQUESTS_MIN
from meridian_resp.server.forwarding import EXECUTED, NOT_LEADER, REFUSED
from tests.harness.failing_files import FailWhile
from tests.harness.fake_cluster import FakeCluster, FakeLink, FakeNetwork, map_of
from tests.harness.joined_servers import KEYS, JoinedServer

KEY = KEYS[1].encode()


class Bench:
    """Server 1, which leads everything unless told otherwise, and what nodes 2 and 3 send it."""

    def __init__(self, **options: object) -> None:
        network = FakeNetwork()
        self.server = JoinedServer(1, network, **options)
        self.peers = {number: FakeCluster(number, network) for number in (2, 3)}
        self.links = {number: self.link_from(number) for number in self.peers}
        self.server.cluster.set_map(map_of({1: "0-16383", 2: "", 3: ""}))
        self.execution = self.server.serving.execution
        self.number = 0

    def link_from(self, number: int) -> FakeLink:
        network = self.server.cluster.network
        assert network is not None
        return FakeLink(network, self.server.cluster, self.peers[number])

    def forward(
        self,
        *commands: str,
        client: int = 5,
        peer: int = 2,
        protocol: int = 2,
        level: str = "",
        watched: list[tuple[bytes, int]] | None = None,
        is_transaction: bool = False,
        slot: int = 0,
    ) -> int:
        """Let a request arrive in a tick of its own; its number."""
        self.number += 1
        message = Forward(
            self.number, client, 1, 5000, protocol, level,
            [[word.encode() for word in command.split()] for command in commands],
            is_transaction, watched or [], slot,
        )  # fmt: skip
        link = self.links[peer]
        self.server.cluster.in_tick(lambda: self.server.serving.on_message(link, message))
        return self.number

    def answers(self, peer: int = 2) -> list[ForwardReply | KeyVersionsReply]:
        """What was sent back over the link of a node."""
        queue = self.links[peer].queue
        found = [decode_message(data) for data in queue]
        queue.clear()
        assert all(isinstance(message, (ForwardReply, KeyVersionsReply)) for message in found)
        return found  # type: ignore[return-value] # just asserted

    def versions(self, *keys: bytes) -> list[int]:
        """The versions that this server tells another node."""
        request = KeyVersionsRequest(1, 0, list(keys))
        link = self.links[3]
        self.server.cluster.in_tick(lambda: self.server.serving.on_message(link, request))
        (answer,) = self.answers(3)
        assert isinstance(answer, KeyVersionsReply) and answer.status == EXECUTED
        return answer.versions


def test_a_request_is_executed_in_the_tick_in_which_it_came() -> None:
    """And answered at its end, with the epoch of the map."""
    bench = Bench()
    number = bench.forward(f"SET {KEYS[1]} x")
    assert bench.answers() == [ForwardReply(number, EXECUTED, b"+OK\r\n", 1)]
    assert bench.execution.proxies() == [] and bench.execution.executed == 1


def test_what_is_not_led_here_is_not_executed() -> None:
    """The other node has another map, or this one has."""
    bench = Bench()
    bench.server.cluster.set_map(map_of({1: "1-16383", 2: "0", 3: ""}, epoch=9))
    number = bench.forward(f"SET {KEYS[1]} x", slot=0)
    assert bench.answers() == [ForwardReply(number, NOT_LEADER, b"", 9)]
    bench.server.cluster.set_map(None)
    number = bench.forward(f"SET {KEYS[1]} x", slot=1)
    assert bench.answers() == [ForwardReply(number, NOT_LEADER, b"", 0)]
    assert bench.server.node.keyspace.databases[0].count == 0
    assert bench.execution.proxies() == [] and bench.execution.refused == 2


def test_a_request_is_never_handed_on_a_second_time() -> None:
    """Although its keys have another slot than it says."""
    bench = Bench()
    bench.server.cluster.set_map(map_of({1: "0", 2: "1-16383", 3: ""}))
    bench.forward(f"SET {KEYS[1]} x", slot=0)
    bench.forward(f"SET {KEYS[1]} x", slot=0, is_transaction=True)
    one, other = bench.answers()
    assert isinstance(one, ForwardReply) and isinstance(other, ForwardReply)
    assert one.reply.startswith(b"-TRYAGAIN The slot has moved")
    assert other.reply.startswith((b"-TRYAGAIN The slot has moved", b"-EXECABORT"))
    assert bench.server.serving.forwarding.statistics().sent == 0


def test_protocol_and_level_are_the_requests_own() -> None:
    """The next one of the same client may have others."""
    bench = Bench()
    for protocol, reply in ((3, b"_\r\n"), (2, b"$-1\r\n")):
        number = bench.forward(f"GET {KEYS[1]}", protocol=protocol)
        assert bench.answers() == [ForwardReply(number, EXECUTED, reply, 1)]
    number = bench.forward(f"SET {KEYS[1]} x", level="LINEARIZABLE")
    assert bench.answers() == []
    bench.server.sync()
    assert bench.answers() == [ForwardReply(number, EXECUTED, b"+OK\r\n", 1)]
    number = bench.forward(f"SET {KEYS[1]} y")
    assert bench.answers() == [ForwardReply(number, EXECUTED, b"+OK\r\n", 1)]
    assert bench.execution.proxies() == []


def test_a_transaction_is_one_reply() -> None:
    """What MULTI and queueing answer is not sent."""
    bench = Bench()
    number = bench.forward(f"SET {KEYS[1]} 1", f"INCR {KEYS[1]}", is_transaction=True)
    assert bench.answers() == [ForwardReply(number, EXECUTED, b"*2\r\n+OK\r\n:2\r\n", 1)]
    number = bench.forward("NONSENSE", is_transaction=True)
    (answer,) = bench.answers()
    assert isinstance(answer, ForwardReply) and answer.reply.startswith(b"-EXECABORT")
    number = bench.forward(f"GET {KEYS[1]}")
    assert bench.answers() == [ForwardReply(number, EXECUTED, b"$1\r\n2\r\n", 1)]


def test_a_transaction_may_be_longer_than_a_turn() -> None:
    """It goes on in the next tick, and what it watched is guarded meanwhile."""
    bench = Bench(turn_commands_max=4)
    watched = [(KEY, bench.versions(KEY)[0])]
    number = bench.forward(
        *[f"APPEND {KEYS[1]} {digit}" for digit in range(9)], is_transaction=True, watched=watched
    )
    later = bench.forward(f"GET {KEYS[1]}")
    assert bench.answers() == []
    bench.server.step()
    one, other = bench.answers()
    assert isinstance(one, ForwardReply) and one.reply.startswith(b"*9\r\n:1\r\n:2\r\n")
    assert (one.request, other.request) == (number, later)
    number = bench.forward(
        *[f"APPEND {KEYS[1]} {digit}" for digit in range(9)],
        is_transaction=True, watched=[(KEY, bench.versions(KEY)[0])],
    )  # fmt: skip
    bench.forward(f"SET {KEYS[1]} other", client=6)
    bench.server.step()
    answers = {answer.request: answer for answer in bench.answers()}
    found = answers[number]
    assert isinstance(found, ForwardReply) and found.reply == b"*-1\r\n"


def test_watched_versions_decide() -> None:
    """Null in the protocol of the request when one differs."""
    bench = Bench()
    watched = [(KEY, bench.versions(KEY)[0]), (b"other", bench.versions(b"other")[0])]
    assert watched == [(KEY, 0), (b"other", 0)]
    bench.forward(f"SET {KEYS[1]} 1", is_transaction=True, watched=watched)
    for protocol, null in ((2, b"*-1\r\n"), (3, b"_\r\n")):
        bench.forward(f"SET {KEYS[1]} 2", is_transaction=True, watched=watched, protocol=protocol)
        *_, answer = bench.answers()
        assert isinstance(answer, ForwardReply) and answer.reply == null
    assert bench.execution.proxies() == []
    assert len(bench.server.node.keyspace.watches) == 0


def test_versions_are_told_by_the_leader_only() -> None:
    """Others do not know."""
    bench = Bench()
    bench.forward(f"SET {KEYS[1]} 1")
    (version,) = bench.versions(KEY)
    assert version > 0
    bench.server.cluster.set_map(map_of({1: "", 2: "0-16383", 3: ""}))
    request, link = KeyVersionsRequest(9, 0, [KEY]), bench.links[3]
    bench.server.cluster.in_tick(lambda: bench.server.serving.on_message(link, request))
    assert bench.answers(3) == [KeyVersionsReply(9, NOT_LEADER, [])]


def slow(steps: int) -> CommandSpec:
    """SLOW key: takes so many slices."""

    def handler(context: object, arguments: list[bytes]) -> Outcome:
        def work() -> Generator[None, None, Reply]:
            for _ in range(steps):
                yield
            return b"+slow\r\n"

        return Slices(work())

    return CommandSpec(
        name="slow", arity=2, flags=Flag.READONLY | Flag.LONG, group=Group.GENERIC,
        since="1.0.0", summary="Slow.", complexity="O(N)", handler=handler,
        keys=(Keys(("RO",)),),
    )  # fmt: skip


def test_a_long_request_makes_later_ones_of_its_client_wait() -> None:
    """Of nobody else; and they are executed in order."""
    bench = Bench(extra=(slow(3),))
    long, *later = (
        bench.forward(command)
        for command in (f"SLOW {KEYS[1]}", f"APPEND {KEYS[1]} a", f"APPEND {KEYS[1]} b")
    )
    other = bench.forward(f"GET {KEYS[1]}", client=6)
    same_number = bench.forward(f"GET {KEYS[1]}", client=5, peer=3)
    assert [answer.request for answer in bench.answers()] == [other]
    assert [answer.request for answer in bench.answers(3)] == [same_number]
    bench.server.step()
    answers = bench.answers()
    assert [answer.request for answer in answers] == [long, *later]
    assert [answer.reply for answer in answers if isinstance(answer, ForwardReply)] == [
        b"+slow\r\n", b":1\r\n", b":2\r\n"
    ]  # fmt: skip
    assert bench.execution.proxies() == []


def test_the_end_of_a_link_ends_what_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not executed later, when nobody waits for it any more."""
    bench = Bench(extra=(slow(3),))
    bench.forward(f"SLOW {KEYS[1]}")
    bench.forward(f"APPEND {KEYS[1]} a")
    monkeypatch.setattr(module, "LINK_BYTES_MAX", -1)
    bench.forward(f"APPEND {KEYS[1]} b", client=6)
    bench.server.serving.on_link_down(bench.links[2])
    monkeypatch.undo()
    bench.server.serving.beat()
    bench.server.step()
    assert bench.server.node.keyspace.databases[0].count == 0
    assert bench.execution.proxies() == []


def test_too_many_waiting_requests_of_a_client_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By name; those that wait are executed."""
    monkeypatch.setattr(module, "DEFERRED_MAX", 1)
    bench = Bench(extra=(slow(3),))
    bench.forward(f"SLOW {KEYS[1]}")
    bench.forward(f"GET {KEYS[1]}")
    number = bench.forward(f"GET {KEYS[1]}")
    assert bench.answers() == [ForwardReply(number, REFUSED, f"-{TOO_MANY}\r\n".encode(), 1)]
    bench.server.step()
    assert len(bench.answers()) == 2


def test_a_request_that_waited_longer_than_its_sender_was_executed() -> None:
    """Its client had been told that nobody knows; now it is not executed any more."""
    bench = Bench(extra=(slow(3),))
    bench.forward(f"SLOW {KEYS[1]}")
    late = bench.forward(f"SET {KEYS[1]} late")
    bench.server.io.now_s += 5.1
    bench.server.step()
    answers = [answer for answer in bench.answers() if isinstance(answer, ForwardReply)]
    assert [a.status for a in answers if a.request == late] == [REFUSED]
    assert bench.server.node.keyspace.databases[0].count == 0


def test_requests_wait_while_much_waits_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """To their node; then they go on in order, and nothing is lost."""
    monkeypatch.setattr(module, "LINK_BYTES_MAX", 1000)
    bench = Bench()
    bench.forward(f"SET {KEYS[1]} {'x' * 600}")
    bench.answers()
    numbers = [bench.forward(f"GET {KEYS[1]}", client=client) for client in (5, 6, 5, 6)]
    bench.server.step()
    other = bench.forward(f"GET {KEYS[1]}", peer=3)
    assert [answer.request for answer in bench.answers(3)] == [other]
    found: list[int] = []
    for _ in range(3):
        answers = bench.answers()
        assert len(answers) <= 2
        found += [answer.request for answer in answers]
        bench.server.serving.beat()
        bench.server.step()
    assert found == numbers


def test_a_reply_that_no_frame_holds_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request was executed, and the client is told so."""
    monkeypatch.setattr(module, "FRAME_BYTES_MAX", 5000)
    bench = Bench()
    bench.forward(f"SET {KEYS[1]} {'x' * 1000}")
    bench.forward(f"GETDEL {KEYS[1]}")
    _, answer = bench.answers()
    assert isinstance(answer, ForwardReply) and answer.status == EXECUTED
    assert answer.reply.startswith(b"-ERR The request was executed, but its reply of 1009 bytes")
    assert FRAME_BYTES_MAX > 5000


def test_many_clients_need_few_proxies() -> None:
    """Each is used again as soon as it is idle."""
    bench = Bench()
    for client in range(200):
        bench.forward(f"INCR {KEYS[1]}", client=client)
    assert len(bench.answers()) == 200
    assert len(bench.execution._idle) == 1


def test_requests_that_came_in_one_tick_are_executed_in_it() -> None:
    """Each had a tick of its own when the reply of the one before counted as work to be done."""
    bench = Bench()
    requests = [
        Forward(number, 5, 1, 5000, 2, "", [[b"INCR", KEY]], False, [], 0)
        for number in range(1, 101)
    ]
    before = bench.server.reactor.ticks

    def arrive() -> None:
        for message in requests:
            bench.server.serving.on_message(bench.links[2], message)

    bench.server.cluster.in_tick(arrive)
    assert [answer.request for answer in bench.answers()] == list(range(1, 101))
    bench.server.step()
    assert bench.server.reactor.ticks == before


def test_a_log_that_failed_within_a_transaction_silenced_its_client() -> None:
    """Its proxy was never to execute anything again, and nothing took its place."""
    bench = Bench(turn_commands_max=4)
    fault = FailWhile(errno.ENOSPC, lambda operation, name: name.endswith(".wal"))
    bench.server.files.on_call = fault
    appends = [[b"APPEND", KEY, b"x"]] * 9
    requests = (
        Forward(1, 5, 1, 5000, 2, "", appends, True, [], 0),
        Forward(2, 5, 1, 5000, 2, "", [[b"STRLEN", KEY]], False, [], 0),
        Forward(3, 6, 1, 5000, 2, "", [[b"SET", KEY, b"x"]], False, [], 0),
    )

    def arrive() -> None:
        for message in requests:
            bench.server.serving.on_message(bench.links[2], message)

    bench.server.cluster.in_tick(arrive)
    assert fault.failures
    fault.active = False
    bench.server.step()
    answers = {one.request: one for one in bench.answers() if isinstance(one, ForwardReply)}
    assert answers[1].reply.startswith(b"-EXECABORT")
    assert answers[2].reply == b":0\r\n"
    assert answers[3].reply.startswith(b"-MISCONF")
    assert bench.execution.proxies() == []


def test_a_link_that_brought_much_held_up_all_clients() -> None:
    """All of it was executed in one tick; now what a tick has no time for waits for the next."""
    bench = Bench(tick_time_max_us=100)
    io, key = bench.server.io, KEYS[1].encode()
    requests: list[Forward | KeyVersionsRequest] = [
        Forward(number, 5, 1, 5000, 2, "", [[b"APPEND", key, b"x"]], False, [], 0)
        for number in range(1, 9)
    ]
    requests.append(KeyVersionsRequest(9, 0, [key]))
    before = bench.server.reactor.ticks

    def arrive() -> None:
        for message in requests:
            bench.server.serving.on_message(bench.links[2], message)
            io.now_s += 0.00006

    bench.server.cluster.in_tick(arrive)
    first = [answer.request for answer in bench.answers()]
    assert 1 <= len(first) < 4
    bench.server.step()
    assert bench.server.reactor.ticks > before
    rest = bench.answers()
    # WATCH came last, and knows all that came before; its answer need not wait for the log.
    (versions,) = [answer for answer in rest if isinstance(answer, KeyVersionsReply)]
    assert versions.versions == bench.versions(key)
    rest.remove(versions)
    assert first + [answer.request for answer in rest] == list(range(1, 9))


def test_requests_of_other_nodes_starved_where_own_clients_use_up_every_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One was executed in a tick; now each has a share that is executed however late it is."""
    bench = Bench()
    monkeypatch.setattr(bench.server.reactor, "is_late", lambda: True)
    link = bench.links[2]

    def arrive() -> None:
        for number in range(1, 2 * TURN_REQUESTS_MIN + 1):
            message = Forward(number, 5, 1, 5000, 2, "", [[b"PING"]], False, [], 0)
            bench.server.serving.on_message(link, message)

    bench.server.cluster.in_tick(arrive)
    before = bench.server.reactor.ticks
    answers: list[int] = []
    while len(answers) < 2 * TURN_REQUESTS_MIN:
        answers += [answer.request for answer in bench.answers()]
        bench.server.step()
        assert bench.server.reactor.ticks - before <= 4
    assert answers == list(range(1, 2 * TURN_REQUESTS_MIN + 1))
