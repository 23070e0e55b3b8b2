from __future__ import annotations

import pytest

from cluster.map.values import ClusterMap
from cluster.map.views import SlotView
from cluster.wire.frames import FRAME_BYTES_MAX
from cluster.wire.messages import (
    Forward,
    ForwardReply,
    KeyVersionsReply,
    KeyVersionsRequest,
    decode_message,
    encode_message,
)
from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.server import forwarding as module
from meridian_resp.server.forwarding import (
    ARGUMENT_BYTES,
    EXECUTED,
    NOT_LEADER,
    REFUSED,
    Forwarding,
    moved_here,
    too_long,
)
from meridian_resp.server.routing import CLUSTER_DOWN, Elsewhere, Routing
from meridian_resp.server.session import Session
from tests.harness.command_runner import CommandRunner
from tests.harness.fake_cluster import FakeCluster, FakeNetwork, gossip_endpoint, map_of, node_id

NAMED = "The node that serves slot {} (127.0.0.1:{})"


class Bench:
    """Forwarding of node 1, with nodes 2 and 3 that answer what a test says."""

    def __init__(self) -> None:
        self.network = FakeNetwork()
        self.port, self.two, self.three = (FakeCluster(n, self.network) for n in (1, 2, 3))
        self.routing = Routing()
        self.now = 100.0
        self.told: list[Session] = []
        self.forwarding = Forwarding(
            self.port, self.routing, monotonic=lambda: self.now, on_settled=self.told.append
        )
        self.runner = CommandRunner()
        self.session = self.new_session(7)
        self.go_by(map_of({1: "0-99", 2: "100-199", 3: "200-299"}))

    def new_session(self, identifier: int) -> Session:
        session = self.runner.new_session()
        session.identifier = identifier
        return session

    def go_by(self, cluster_map: ClusterMap) -> None:
        self.routing.change_map(node_id(1), cluster_map, SlotView(cluster_map))

    def target(self, slot: int) -> Elsewhere:
        decision = self.routing.decide(slot, adds_keys=False)
        assert isinstance(decision, Elsewhere)
        return decision

    def forward(
        self,
        slot: int = 100,
        *words: bytes,
        session: Session | None = None,
        is_write: bool = True,
    ) -> PendingReply:
        reply = self.forwarding.forward(
            session or self.session, self.target(slot), [list(words)], is_write=is_write
        )
        assert isinstance(reply, PendingReply)
        return reply

    def sent(self, number: int) -> list[Forward | KeyVersionsRequest]:
        """What waits on the link to a node, and is taken off it."""
        link = self.network.links.get((self.port.endpoint, gossip_endpoint(number)))
        if link is None:
            return []
        messages = [decoded(data) for data in link.queue]
        link.queue.clear()
        return messages

    def reply(self, number: int, status: int, data: bytes = b"", epoch: int = 1) -> None:
        self.forwarding.on_reply(ForwardReply(number, status, data, epoch))

    def break_off(self, number: int) -> None:
        """The link to a node ends after it was up."""
        link = self.network.links.pop((self.port.endpoint, gossip_endpoint(number)))
        self.forwarding.on_link_down(link)


def decoded(data: bytes) -> Forward | KeyVersionsRequest:
    """A request."""
    message = decode_message(data)
    assert isinstance(message, (Forward, KeyVersionsRequest))
    return message


def test_a_request_goes_out_and_its_reply_takes_its_place() -> None:
    """With all that the other node has to know."""
    bench = Bench()
    bench.session.protocol, bench.session.consistency = 3, "QUORUM"
    place = bench.forward(100, b"SET", b"a", b"1")
    (message,) = bench.sent(2)
    assert message == Forward(
        1, 7, 1, 5000, 3, "QUORUM", [[b"SET", b"a", b"1"]], False, [], 100
    )  # fmt: skip
    assert not place.is_settled and bench.told == []
    bench.reply(1, EXECUTED, b"+OK\r\n")
    assert place.reply == b"+OK\r\n" and bench.told == [bench.session]
    bench.reply(1, EXECUTED, b"+late\r\n")
    assert place.reply == b"+OK\r\n"
    assert bench.forwarding.statistics().waiting == 0


def test_replies_come_in_any_order() -> None:
    """Each finds its own place."""
    bench = Bench()
    places = [bench.forward(slot, b"GET", b"x") for slot in (100, 200, 101)]
    bench.reply(3, EXECUTED, b"$1\r\nc\r\n")
    bench.reply(2, REFUSED, b"-TRYAGAIN b\r\n")
    assert [place.reply for place in places] == [None, b"-TRYAGAIN b\r\n", b"$1\r\nc\r\n"]


def test_a_node_out_of_reach_is_said_to_be() -> None:
    """At once where that is known, else when the connection fails: nothing was sent."""
    bench = Bench()
    text = b"-CLUSTERDOWN " + NAMED.format(100, 7002).encode() + b" can't be reached\r\n"
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.forwarding.on_endpoint_failed(gossip_endpoint(3))
    assert not place.is_settled
    bench.forwarding.on_endpoint_failed(gossip_endpoint(2))
    assert place.reply == text
    bench.network.resting.add(gossip_endpoint(2))
    del bench.network.links[(bench.port.endpoint, gossip_endpoint(2))]
    at_once = bench.forwarding.forward(
        bench.session, bench.target(100), [[b"GET", b"a"]], is_write=False
    )
    assert at_once == text
    assert bench.forwarding.statistics().unreachable == 2


def test_a_broken_link_leaves_writes_unknown() -> None:
    """And reads unanswered; requests to other nodes go on."""
    bench = Bench()
    write = bench.forward(100, b"SET", b"a", b"1")
    read = bench.forward(100, b"GET", b"a", is_write=False)
    other = bench.forward(200, b"GET", b"b")
    bench.break_off(2)
    named = NAMED.format(100, 7002).encode()
    assert write.reply == (
        b"-UNKNOWN " + named + b" broke off before it answered; "
        b"the request may or may not have been executed\r\n"
    )
    assert read.reply == b"-CLUSTERDOWN " + named + b" broke off before it answered\r\n"
    assert not other.is_settled


def test_links_that_others_opened_carry_no_request_of_ours() -> None:
    """So their end says nothing about them."""
    bench = Bench()
    place = bench.forward(100, b"GET", b"a")
    link = bench.network.links[(bench.port.endpoint, gossip_endpoint(2))]
    link.is_outgoing = False
    bench.forwarding.on_link_down(link)
    assert not place.is_settled


def test_time_is_limited() -> None:
    """A reply that comes after that is dropped; later requests have their own time."""
    bench = Bench()
    first = bench.forward(100, b"SET", b"a", b"1")
    bench.now += 3.0
    second = bench.forward(100, b"SET", b"a", b"2")
    bench.now += 1.9
    bench.forwarding.expire()
    assert not first.is_settled
    bench.now += 0.1
    bench.forwarding.expire()
    assert first.reply is not None and first.reply.startswith(b"-UNKNOWN The node that serves")
    assert b"did not answer in time" in first.reply
    bench.reply(1, EXECUTED, b"+OK\r\n")
    bench.reply(2, EXECUTED, b"+OK\r\n")
    assert second.reply == b"+OK\r\n"
    bench.now += 10.0
    bench.forwarding.expire()
    assert bench.forwarding.statistics().lost == 1


def test_what_was_refused_is_sent_once_more_by_the_newer_map() -> None:
    """To whom leads the slot now."""
    bench = Bench()
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.sent(2)
    bench.reply(1, NOT_LEADER, epoch=2)
    assert not place.is_settled and bench.sent(2) == []
    bench.go_by(map_of({1: "0-99", 2: "101-199", 3: "100 200-299"}, epoch=2))
    bench.forwarding.retry_parked()
    (again,) = bench.sent(3)
    assert again.request == 1
    bench.reply(1, EXECUTED, b"+OK\r\n")
    assert place.reply == b"+OK\r\n"
    assert bench.forwarding.statistics().retried == 1


def test_without_a_newer_map_the_second_attempt_goes_where_the_first_went() -> None:
    """After a moment: the other node may be the one that is behind. Then it is MOVED."""
    bench = Bench()
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.sent(2)
    bench.reply(1, NOT_LEADER)
    bench.forwarding.expire()
    assert bench.sent(2) == []
    bench.now += module.RETRY_AFTER_S
    bench.forwarding.expire()
    assert len(bench.sent(2)) == 1
    bench.reply(1, NOT_LEADER)
    assert place.reply == b"-MOVED 100 127.0.0.1:7002\r\n"


def test_a_second_attempt_ends_where_the_map_leads() -> None:
    """At nobody, at this node, or at one that can't be reached."""
    for slots, text in (
        ({1: "0-99", 2: "101-199", 3: ""}, "CLUSTERDOWN Hash slot not served"),
        ({1: "0-100", 2: "101-199", 3: ""}, moved_here(100)),
    ):
        bench = Bench()
        place = bench.forward(100, b"SET", b"a", b"1")
        bench.reply(1, NOT_LEADER)
        bench.go_by(map_of(slots, epoch=2))
        bench.forwarding.retry_parked()
        assert place.reply == f"-{text}\r\n".encode()
    bench = Bench()
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.reply(1, NOT_LEADER)
    bench.routing.require_coverage(True)
    bench.forwarding.retry_parked()
    assert place.reply == f"-{CLUSTER_DOWN}\r\n".encode()
    bench = Bench()
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.reply(1, NOT_LEADER)
    bench.network.resting.add(gossip_endpoint(2))
    bench.break_off(2)
    bench.forwarding.retry_parked()
    assert place.reply is not None and place.reply.endswith(b"can't be reached\r\n")


def test_a_second_attempt_never_overtakes() -> None:
    """What is refused while a later request for the slot is under way is given up."""
    bench = Bench()
    first = bench.forward(100, b"SET", b"a", b"1")
    second = bench.forward(100, b"SET", b"a", b"2")
    bench.reply(1, NOT_LEADER)
    assert first.reply == b"-MOVED 100 127.0.0.1:7002\r\n"
    bench.reply(2, NOT_LEADER)
    assert not second.is_settled


def test_a_later_request_waits_behind_a_second_attempt() -> None:
    """If it is for the same slot and of the same client; others go their way."""
    bench = Bench()
    bench.forward(100, b"SET", b"a", b"1")
    bench.sent(2)
    bench.reply(1, NOT_LEADER)
    bench.forward(100, b"SET", b"a", b"2")
    bench.forward(101, b"SET", b"b", b"1")
    bench.forward(100, b"SET", b"c", b"1", session=bench.new_session(8))
    assert [message.request for message in bench.sent(2)] == [3, 4]
    bench.forwarding.retry_parked()
    assert [message.request for message in bench.sent(2)] == [1, 2]
    for number in (1, 2):
        bench.reply(number, EXECUTED, b"+OK\r\n")
    assert bench.forwarding.statistics().answered == 2


def test_parked_requests_have_their_time_too() -> None:
    """Then they are MOVED: they were executed nowhere."""
    bench = Bench()
    place = bench.forward(100, b"SET", b"a", b"1")
    bench.reply(1, NOT_LEADER)
    bench.now += 5.0
    bench.forwarding.expire()
    assert place.reply == b"-MOVED 100 127.0.0.1:7002\r\n"
    assert bench.forwarding.statistics().waiting == 0


def test_replies_to_a_client_that_is_gone_are_dropped() -> None:
    """Whether they were under way or parked; nothing is kept of it."""
    bench = Bench()
    places = [bench.forward(slot, b"SET", b"a", b"1") for slot in (100, 101, 102)]
    bench.reply(1, NOT_LEADER)
    bench.forwarding.forget(bench.session)
    bench.reply(2, EXECUTED, b"+OK\r\n")
    bench.reply(3, NOT_LEADER)
    bench.forwarding.retry_parked()
    bench.now += 10.0
    bench.forwarding.expire()
    assert not any(place.is_settled for place in places)
    assert bench.told == [] and bench.forwarding.statistics().waiting == 0
    assert bench.forwarding.clients.find(bench.session) is None


def test_a_client_with_much_under_way_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until half of it is answered."""
    monkeypatch.setattr("meridian_resp.server.forwarding_clients.CLIENT_REQUESTS_MAX", 4)
    bench = Bench()
    for number in range(5):
        assert not bench.forwarding.is_stopped(bench.session), number
        bench.forward(100, b"SET", b"a", b"1")
    assert bench.forwarding.is_stopped(bench.session)
    assert bench.forwarding.statistics().stopped_clients == 1
    for number in (1, 2):
        bench.reply(number, EXECUTED, b"+OK\r\n")
        assert bench.forwarding.is_stopped(bench.session)
    bench.reply(3, EXECUTED, b"+OK\r\n")
    assert not bench.forwarding.is_stopped(bench.session)
    assert bench.forwarding.clients.take_released() == [bench.session]
    assert bench.forwarding.clients.take_released() == []


def test_clients_of_a_node_with_much_under_way_are_stopped() -> None:
    """Each when it sends there; those of other nodes are not."""
    bench = Bench()
    bench.forwarding.node_bytes_max = 1000
    bench.forward(100, b"SET", b"a", b"x" * 900)
    assert bench.forwarding.is_stopped(bench.session)
    second, third = bench.new_session(8), bench.new_session(9)
    bench.forward(101, b"GET", b"a", session=second)
    bench.forward(200, b"GET", b"a", session=third)
    assert bench.forwarding.is_stopped(second) and not bench.forwarding.is_stopped(third)
    bench.reply(1, EXECUTED, b"+OK\r\n")
    assert not bench.forwarding.is_stopped(bench.session)


def test_what_no_frame_holds_is_refused() -> None:
    """Before anything is sent, with both sizes."""
    bench = Bench()
    reply = bench.forwarding.forward(
        bench.session, bench.target(100), [[b"SET", b"a", b"x" * FRAME_BYTES_MAX]], is_write=True
    )
    assert reply == f"-{too_long(FRAME_BYTES_MAX + 4 + 4 * ARGUMENT_BYTES)}\r\n".encode()
    reply = bench.forwarding.ask_versions(
        bench.session, bench.target(100), [b"x" * FRAME_BYTES_MAX]
    )
    assert reply.startswith(b"-ERR The request is too long")
    assert bench.sent(2) == []


def test_versions_are_learnt_for_watched_keys() -> None:
    """WATCH is answered when they are known."""
    bench = Bench()
    place = bench.forwarding.ask_versions(bench.session, bench.target(100), [b"a", b"b"])
    assert isinstance(place, PendingReply)
    assert bench.sent(2) == [KeyVersionsRequest(1, 100, [b"a", b"b"])]
    client = bench.forwarding.clients.of(bench.session)
    assert client.versions == {b"a": place, b"b": place}
    bench.reply(1, EXECUTED, b"of another kind")
    assert not place.is_settled
    again = bench.forwarding.ask_versions(bench.session, bench.target(100), [b"b"])
    bench.forwarding.on_versions(KeyVersionsReply(2, EXECUTED, [9]))
    assert isinstance(again, PendingReply) and again.reply == b"+OK\r\n"
    assert client.versions == {b"a": place, b"b": 9}


def test_a_first_answer_about_a_key_does_not_replace_a_newer_question() -> None:
    """The versions belong to the last WATCH of the key."""
    bench = Bench()
    bench.forwarding.ask_versions(bench.session, bench.target(100), [b"a", b"b"])
    again = bench.forwarding.ask_versions(bench.session, bench.target(100), [b"b"])
    bench.forwarding.on_versions(KeyVersionsReply(1, EXECUTED, [4, 5]))
    assert bench.forwarding.clients.of(bench.session).versions == {b"a": 4, b"b": again}


def test_versions_that_can_not_be_had_are_an_error() -> None:
    """Refused, or by a node that does not lead the slot."""
    bench = Bench()
    place = bench.forwarding.ask_versions(bench.session, bench.target(100), [b"a"])
    bench.forwarding.on_versions(KeyVersionsReply(1, REFUSED, []))
    assert isinstance(place, PendingReply) and place.reply is not None
    assert place.reply.startswith(b"-CLUSTERDOWN The node that serves slot 100")
    place = bench.forwarding.ask_versions(bench.session, bench.target(100), [b"a"])
    assert isinstance(place, PendingReply)
    bench.forwarding.on_versions(KeyVersionsReply(2, NOT_LEADER, []))
    assert not place.is_settled
    bench.forwarding.retry_parked()
    bench.forwarding.on_versions(KeyVersionsReply(2, NOT_LEADER, []))
    assert place.reply == b"-MOVED 100 127.0.0.1:7002\r\n"


def test_a_server_that_stops_answers_everything() -> None:
    """What was sent is unknown, what was parked was not executed."""
    bench = Bench()
    sent = bench.forward(200, b"SET", b"a", b"1")
    parked = bench.forward(100, b"SET", b"b", b"1")
    bench.reply(2, NOT_LEADER)
    bench.forwarding.give_up_all("is not waited for")
    assert sent.reply is not None and sent.reply.startswith(b"-UNKNOWN")
    assert parked.reply == b"-MOVED 100 127.0.0.1:7002\r\n"
    assert bench.forwarding.statistics().waiting == 0


def test_a_reply_behind_others_counts_as_waiting_output() -> None:
    """So a client whose first request hangs can't fill the memory with later ones."""
    bench = Bench()
    place = bench.forward(100, b"GET", b"a")
    place.is_held = True
    bench.reply(1, EXECUTED, b"x" * 50)
    assert bench.session.held_bytes == 50


@pytest.mark.parametrize("length", [0, 31, 255, 65535, 65536])
def test_a_request_of_many_keys_was_longer_than_it_was_counted(length: int) -> None:
    """It was refused as if nobody could be reached, so clients tried it again and again."""
    bench = Bench()
    watched = [(b"w" * length, 2**63 - 1)] * 100
    commands = [[b"DEL", *[b"k" * length] * 50]] * 2
    bench.forwarding.forward(
        bench.session, bench.target(100), commands,
        is_write=True, is_transaction=True, watched=watched,
    )  # fmt: skip
    (request,) = bench.forwarding._by_number.values()
    assert request.size >= len(encode_message(request.message))


def test_a_request_can_have_another_level_than_its_session_has_by_now() -> None:
    """EXEC may be sent later, when the level that it was asked for is over."""
    bench = Bench()
    target = bench.target(100)
    bench.forwarding.forward(bench.session, target, [[b"X"]], is_write=True, level="QUORUM")
    (message,) = bench.sent(2)
    assert isinstance(message, Forward) and message.level == "QUORUM"
