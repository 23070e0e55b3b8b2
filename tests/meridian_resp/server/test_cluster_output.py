from __future__ import annotations

from meridian_resp.config.redis_values import BufferLimit
from meridian_resp.protocol.long_replies import LongReply
from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.server.cluster_output import ClusterOutput
from meridian_resp.server.session import Session
from tests.harness.fake_cluster import FakeNetwork
from tests.harness.joined_servers import JoinedServer
from tests.harness.memory_io import MemoryClient


class Bench:
    """The output of a server in a cluster, with one client."""

    def __init__(self) -> None:
        self.server = JoinedServer(1, FakeNetwork())
        self.client: MemoryClient = self.server.connect()
        self.session: Session = self.server.session(self.client)
        output = self.server.reactor.output
        assert isinstance(output, ClusterOutput)
        self.output = output

    def answer(self, *replies: bytes, wait_offset: int | None = None) -> None:
        """End a tick in which the client got these replies, places among them."""
        self.session.out.extend(replies)
        self.session.has_pieces = any(isinstance(reply, LongReply) for reply in replies)
        if any(isinstance(reply, PendingReply) for reply in replies):
            self.output.with_places.add(self.session)
        self.output.end_tick(self.session, wait_offset)

    def fill(self, place: PendingReply, reply: bytes) -> None:
        """Fill a place, as forwarding does."""
        if place.is_held:
            self.session.held_bytes += len(reply)
        place.settle(reply)


def test_replies_up_to_the_first_place_leave() -> None:
    """The rest waits, joined between places."""
    bench, first, second = Bench(), PendingReply(), PendingReply()
    bench.answer(b"a", b"b", first, b"c", b"d", second, b"e")
    assert bench.client.take() == b"ab"
    assert [data for _, data in bench.session.held] == [first, b"cd", second, b"e"]
    bench.fill(second, b"2")
    bench.output.release(bench.session, 0)
    assert bench.client.take() == b""
    bench.fill(first, b"1")
    bench.output.release(bench.session, 0)
    assert bench.client.take() == b"1cd2e"
    assert bench.session.held_bytes == 0


def test_replies_of_later_ticks_stand_behind_the_place() -> None:
    """Although there is none among themselves."""
    bench, place = Bench(), PendingReply()
    bench.answer(place)
    bench.answer(b"a")
    bench.answer(b"b")
    assert bench.client.take() == b""
    bench.fill(place, b"1")
    bench.output.release(bench.session, 0)
    assert bench.client.take() == b"1ab"
    bench.answer(b"c")
    assert bench.client.take() == b"c"


def test_a_place_that_is_filled_already_is_no_place() -> None:
    """Its request was refused at once."""
    bench, place = Bench(), PendingReply()
    bench.fill(place, b"-no")
    bench.answer(b"a", place, b"b")
    assert bench.client.take() == b"a-nob"


def test_a_reply_waits_for_the_log_and_for_the_places_before_it() -> None:
    """Whichever is later."""
    bench, place = Bench(), PendingReply()
    bench.answer(place, b"a", wait_offset=10)
    bench.fill(place, b"1")
    bench.output.release(bench.session, 9)
    assert bench.client.take() == b"1"
    bench.output.release(bench.session, 10)
    assert bench.client.take() == b"a"
    place = PendingReply()
    bench.answer(b"b", place, wait_offset=20)
    bench.fill(place, b"2")
    bench.output.release(bench.session, 19)
    assert bench.client.take() == b""
    bench.output.release(bench.session, 20)
    assert bench.client.take() == b"b2"


def test_replies_that_wait_count_towards_the_limit() -> None:
    """A client that asks for more than it may have is closed."""
    bench = Bench()
    bench.output.limit = BufferLimit(100, 0, 0)
    bench.answer(PendingReply(), b"x" * 101)
    assert bench.session.is_gone


def test_a_client_with_much_under_way_is_not_read() -> None:
    """As one that does not take its output."""
    bench = Bench()
    assert bench.output.may_read(bench.session)
    bench.server.serving.forwarding.clients.stop(bench.session)
    assert not bench.output.may_read(bench.session)


def test_a_long_reply_among_places_keeps_its_pieces() -> None:
    """Before and behind a place, and in a later tick while that is still empty."""
    bench, place = Bench(), PendingReply()
    bench.answer(LongReply([b"a", b"b"]), b"c", place, LongReply([b"d", b"e"]), b"f")
    assert bench.client.take() == b"abc"
    assert not bench.session.has_pieces
    assert [data for _, data in bench.session.held] == [place, b"d", b"e", b"f"]
    bench.answer(b"g", LongReply([b"h", b"i"]))
    assert not bench.session.has_pieces and bench.client.take() == b""
    bench.fill(place, b"1")
    bench.output.release(bench.session, 0)
    assert bench.client.take() == b"1defghi"
    assert bench.session.held_bytes == 0


def test_much_that_waited_for_a_place_is_not_joined() -> None:
    """Megabytes would be copied in one tick."""
    bench, place = Bench(), PendingReply()
    pieces = [bytes((65 + number,)) * 100_000 for number in range(5)]
    bench.answer(place, LongReply(pieces))
    bench.fill(place, b"1")
    bench.output.release(bench.session, 0)
    assert max(map(len, bench.session.unsent)) <= 100_000
    received = b""
    while data := bench.client.take():
        received += data
        bench.output.send_unsent(bench.session)
    assert received == b"1" + b"".join(pieces)
