"""The shell of a node, with everything around it in the hands of the test, in virtual time."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence

import pytest
import trio
from attrs import define, evolve, field

from cluster.control import outputs
from cluster.control.data_handler import DataMessage, PeerLink
from cluster.control.inputs import (
    Asked,
    DatagramReceived,
    Input,
    LinkFailed,
    MessageReceived,
    Saved,
)
from cluster.control.requests import (
    Answer,
    ClusterRequestRefused,
    Done,
    ForceSync,
    Form,
    Leave,
    RequestRefused,
)
from cluster.errors import ClusterStopped
from cluster.identity import Boot, ClusterId, Endpoint
from cluster.journal.records import Record, RecordKind
from cluster.journal.state_directory import open_state
from cluster.map.genesis import genesis_map
from cluster.map.values import ClusterMap, Genesis, MapMember
from cluster.membership.messages import MemberStatus
from cluster.options import ShellOptions
from cluster.waiting_requests import LATE, RENEWED, STOPPED
from cluster.wire.hello import PeerIdentity
from cluster.wire.messages import ForwardReply, MapRequest
from tests.cluster.scripted_node import (
    OPTIONS,
    OWN,
    PEER,
    PEER_ID,
    ScriptedLink,
    ScriptedNode,
    view_of,
)
from tests.harness.failing_files import FailWhile
from tests.harness.slow_thread import SlowThread

VOTE = Record(RecordKind.RAFT_HARD_STATE, b"vote")
MESSAGE = MapRequest(b"cluster", 7)
DISK_S = 0.01
OPTIONS_IDENTITY = PeerIdentity(OPTIONS.cluster_name, PEER_ID, Boot(1, 1), OWN)


@pytest.fixture
async def desk(autojump_clock: trio.testing.MockClock, nursery: trio.Nursery) -> ScriptedNode:
    """A running node."""
    made = ScriptedNode(run_blocking=SlowThread(DISK_S))
    await nursery.start(made.node.run)
    return made


def answering(answer: Answer) -> Callable[[Input], Sequence[outputs.Output]]:
    """A plane that answers every request so."""

    def script(event: Input) -> Sequence[outputs.Output]:
        return [outputs.Answered(event.token, answer)] if isinstance(event, Asked) else []

    return script


def make_map(desk: ScriptedNode) -> ClusterMap:
    """A map with this node in it."""
    own = desk.node.own_id
    member = MapMember(own, OWN)
    return genesis_map(Genesis(ClusterId(own), own, (own,), (member,)))


async def test_what_is_durable_before_it_is_sent(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """The plane hears of a save when a power cut could not take it any more, not before."""
    desk.say(outputs.Save(1, (VOTE,)))
    await trio.sleep(DISK_S / 2)
    assert Saved(1) not in desk.plane.inputs
    await trio.sleep(DISK_S)
    assert Saved(1) in desk.plane.inputs
    clone = desk.files.crash_clone(desk.rng, "dropped")
    assert open_state(clone, desk.rng).records == (VOTE,)


async def test_a_disk_that_refuses_silences_the_save_only(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """No Saved while it is not on disk; everything else goes on; then it comes."""
    desk.files.on_call = fault = FailWhile(errno.EIO, lambda called, name: called == "sync")
    desk.say(outputs.Save(1, (VOTE,)), outputs.SendMessage(PEER, MESSAGE))
    await trio.sleep(30)
    assert desk.peers.sent == [(PEER, MESSAGE)]
    assert Saved(1) not in desk.plane.inputs
    assert desk.node.statistics().journal.is_failing
    fault.active = False
    await trio.sleep(6)
    assert Saved(1) in desk.plane.inputs


async def test_outputs_are_done_in_order_and_flushed(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """What the plane said first leaves first; then links are flushed and the reactor woken."""
    wakes = desk.wakes
    second = MapRequest(b"cluster", 8)
    desk.say(
        outputs.SendMessage(PEER, MESSAGE),
        outputs.SendDatagram(PEER, b"packet"),
        outputs.SendMessage(OWN, second),
    )
    await trio.sleep(1)
    assert desk.log == [MESSAGE, b"packet", second, "flush"]
    assert desk.datagrams.sent == [(PEER, b"packet")]
    assert desk.peers.sent == [(PEER, MESSAGE), (OWN, second)]
    assert desk.wakes == wakes + 1


async def test_what_arrives_reaches_the_plane(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """Datagrams, messages and failed links, each as the input it is, in order, at once."""
    link = ScriptedLink()
    desk.datagrams.on_datagram(PEER, b"packet")
    desk.peers.on_message(link, MESSAGE)
    desk.peers.on_link_down(link, "closed by the peer")
    desk.peers.on_link_down(ScriptedLink(is_outgoing=False), "closed by the peer")
    desk.peers.on_dial_failed(OWN, "refused")
    now = trio.current_time()
    await trio.sleep(1)
    assert desk.plane.inputs == [
        DatagramReceived(PEER, b"packet"),
        MessageReceived(PEER_ID, PEER, MESSAGE),
        LinkFailed(PEER),
        LinkFailed(OWN),
    ]
    assert desk.plane.times == [now] * 4


async def test_too_much_is_dropped_and_counted(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """What others send is bounded; this node's own requests are not lost by it."""
    shell = ShellOptions(inbox_count_max=5)
    desk = ScriptedNode(evolve(OPTIONS, shell=shell))
    await nursery.start(desk.node.run)
    for number in range(9):
        desk.datagrams.on_datagram(PEER, b"%d" % number)
    desk.node.request_nowait(Form(), lambda answer: None)
    await trio.sleep(1)
    assert len(desk.plane.inputs) == 6
    assert desk.plane.inputs[-1] == Asked(1, Form())
    statistics = desk.node.statistics()
    assert (statistics.inputs, statistics.inputs_dropped) == (6, 4)


async def test_others_run_between_turns(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """A turn takes a bounded number of inputs, so a flood of gossip does not stop the reactor."""
    desk = ScriptedNode(evolve(OPTIONS, shell=ShellOptions(turn_inputs_max=10)))
    await nursery.start(desk.node.run)
    for _ in range(100):
        desk.datagrams.on_datagram(PEER, b"packet")
    seen: set[int] = set()
    while len(desk.plane.inputs) < 100:
        await trio.lowlevel.checkpoint()
        seen.add(len(desk.plane.inputs))
    # The order of tasks is by chance, but a turn is never longer.
    assert len(seen) > 3 and all(count % 10 == 0 for count in seen), seen


async def test_deadlines(desk: ScriptedNode, autojump_clock: trio.testing.MockClock) -> None:
    """Plane and links are called when they want to be, also when a link wants it earlier."""
    began = trio.current_time()
    desk.plane.due = began + 3.0
    desk.peers.due = began + 50.0
    desk.datagrams.on_datagram(PEER, b"packet")
    await trio.sleep(2)
    desk.peers.due = began + 2.5
    desk.peers.on_earlier_deadline()
    await trio.sleep(10)
    assert desk.peers.deadlines == [began + 2.5]
    assert desk.plane.deadlines == [began + 3.0]


@define
class Handler:
    """Who takes messages about data."""

    calls: list[object] = field(factory=list)

    def on_message(self, link: PeerLink, message: DataMessage) -> None:
        """Remember."""
        self.calls.append(message)

    def on_link_up(self, link: PeerLink) -> None:
        """Remember."""
        self.calls.append(("up", link.node))

    def on_link_down(self, link: PeerLink) -> None:
        """Remember."""
        self.calls.append(("down", link.node))

    def on_endpoint_failed(self, endpoint: Endpoint) -> None:
        """Remember."""
        self.calls.append(("failed", endpoint))

    def on_map_changed(self) -> None:
        """Remember."""
        self.calls.append("map")


async def test_messages_about_data_go_to_their_handler(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """At once, within the tick, and not to the plane; links and maps are told as well."""
    reply = ForwardReply(1, 0, b"+OK\r\n", 1)
    link = ScriptedLink()
    desk.peers.on_message(link, reply)
    assert desk.node.statistics().messages_unclaimed == 1
    handler = Handler()
    desk.node.attach(handler)
    desk.peers.on_link_up(link)
    desk.peers.on_message(link, reply)
    desk.peers.on_link_down(link, "gone")
    desk.peers.on_dial_failed(OWN, "refused")
    assert handler.calls == [("up", PEER_ID), reply, ("down", PEER_ID), ("failed", OWN)]
    desk.say(outputs.MapChanged(None))
    await trio.sleep(1)
    assert handler.calls[-1] == "map"
    assert not any(isinstance(event, MessageReceived) for event in desk.plane.inputs)
    assert desk.node.send(PEER, reply) and desk.peers.sent == [(PEER, reply)]


async def test_a_changed_map_is_told(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """Links say which cluster this node belongs to from then on."""
    told: list[ClusterMap | None] = []
    desk.node.on_map_changed = told.append
    newer = make_map(desk)
    desk.say(outputs.MapChanged(newer))
    await trio.sleep(1)
    assert desk.peers.identity.cluster == newer.cluster
    desk.say(outputs.MapChanged(None))
    await trio.sleep(1)
    assert desk.peers.identity.cluster is None
    assert told == [newer, None]


async def test_member_news_reach_table_and_hook(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """A changed member is written, a forgotten one removed."""
    told: list[outputs.MemberNews] = []
    desk.node.on_member_news = told.append
    await trio.sleep(1)
    news = [
        outputs.MemberNews(PEER_ID, view_of(PEER_ID), MemberStatus.SUSPECTED),
        outputs.MemberNews(desk.node.own_id, None, None),
    ]
    desk.say(*news)
    await trio.sleep(1)
    batch = desk.table.batches[-1]
    assert [row.node_id for row in batch.rows] == [PEER_ID]
    assert batch.removed == (desk.node.own_id,)
    assert told == news
    assert desk.node.statistics().table is not None


async def test_notices_are_logged(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At their level; a per cent sign in them is text."""
    caplog.set_level(logging.INFO)
    desk.say(outputs.Notice(logging.ERROR, "100 % lost: %s"))
    await trio.sleep(1)
    found = [(entry.levelno, entry.getMessage()) for entry in caplog.records]
    assert (logging.ERROR, "100 % lost: %s") in found


# Requests.


async def test_requests_are_answered(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """Done is returned, a refusal is raised with what it says."""
    desk.plane.answer = answering(Done("OK", epoch=3))
    assert await desk.node.request(Form()) == Done("OK", epoch=3)
    desk.plane.answer = answering(RequestRefused("no", is_unknown=True))
    with pytest.raises(ClusterRequestRefused, match="no") as caught:
        await desk.node.request(Form())
    assert caught.value.is_unknown
    statistics = desk.node.statistics()
    assert (statistics.requests, statistics.requests_refused) == (2, 1)


async def test_a_request_that_is_not_answered_in_time(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """Its outcome is unknown, and what the plane answers later is heard by nobody."""
    answers: list[Answer] = []
    desk.node.request_nowait(Form(), answers.append)
    await trio.sleep(14.9)
    assert answers == []
    await trio.sleep(0.2)
    assert answers == [LATE]
    desk.say(outputs.Answered(1, Done()))
    await trio.sleep(1)
    assert answers == [LATE]
    assert desk.node.statistics().requests_timed_out == 1


async def test_leaving(desk: ScriptedNode, autojump_clock: trio.testing.MockClock) -> None:
    """It ends when the plane says that enough were told."""
    desk.plane.answer = answering(Done())
    began = trio.current_time()
    await desk.node.leave()
    assert trio.current_time() == began
    assert [event for event in desk.plane.inputs if isinstance(event, Asked)] == [
        Asked(1, Leave())
    ]


async def test_leaving_takes_no_longer_than_it_may(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A node that nobody answers stops all the same."""
    began = trio.current_time()
    await desk.node.leave()
    assert trio.current_time() == began + 5.0
    assert "Not all other nodes were told of the stop in time" in caplog.messages


# The end of a life, and of the process.


async def test_stop_ends_the_process(autojump_clock: trio.testing.MockClock) -> None:
    """With its reason; everything is closed, and nobody waits for an answer any more."""
    desk = ScriptedNode()
    answers: list[Answer] = []
    with pytest.RaisesGroup(ClusterStopped, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(desk.node.run)
            desk.node.request_nowait(Form(), answers.append)
            await trio.sleep(1)
            desk.say(outputs.Stop("another process has this id"))
            await trio.sleep_forever()
    assert answers == [STOPPED]
    assert desk.peers.is_closed and desk.datagrams.is_closed


async def test_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing outlives the node, sockets are closed, the directory can be opened again."""
    desk = ScriptedNode(run_blocking=SlowThread(DISK_S))
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.node.run)
        desk.say(outputs.Save(1, (VOTE,)))
        await trio.sleep(DISK_S)
        nursery.cancel_scope.cancel()
    assert desk.peers.is_closed and desk.datagrams.is_closed
    assert open_state(desk.files, desk.rng).records == (VOTE,)


async def test_too_many_saves_for_a_disk_that_refuses_stop_the_process(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A node that can't promise anything for that long is of no use."""
    journal = evolve(OPTIONS.journal, waiting_bytes_max=100_000)
    desk = ScriptedNode(evolve(OPTIONS, journal=journal))
    desk.files.on_call = FailWhile(errno.ENOSPC, lambda called, name: called == "append")
    large = Record(RecordKind.MAP, bytes(60_000))
    with pytest.RaisesGroup(ClusterStopped, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(desk.node.run)
            desk.say(outputs.Save(1, (large,)), outputs.Save(2, (large,)))
            await trio.sleep(1)


async def test_beginning_anew(desk: ScriptedNode, autojump_clock: trio.testing.MockClock) -> None:
    """Another id, another journal, another plane; links, datagrams and the table follow."""
    former, former_plane = desk.node.own_id, desk.plane
    left = Record(RecordKind.CLUSTER_LEFT, b"")
    desk.say(outputs.MapChanged(make_map(desk)))
    await trio.sleep(1)
    answers: list[Answer] = []
    desk.node.request_nowait(Form(), answers.append)
    await trio.sleep(1)
    desk.say(
        outputs.Save(1, (VOTE,)), outputs.MapChanged(None), outputs.Retire("removed", (left,))
    )
    await trio.sleep(1)
    assert answers == [RENEWED]
    own = desk.node.own_id
    assert own != former
    assert desk.plane is not former_plane
    assert desk.plane.state.records == (left,)
    boot = desk.plane.state.identity.boot
    assert desk.peers.identity == evolve(OPTIONS_IDENTITY, node=own, boot=boot)
    assert desk.datagrams.identity.node == own
    assert former in desk.table.batches[-1].removed
    desk.say(outputs.Save(1, (VOTE,)))
    await trio.sleep(1)
    assert Saved(1) in desk.plane.inputs
    found = open_state(desk.files.crash_clone(desk.rng, "dropped"), desk.rng)
    assert (found.identity.node, found.records) == (own, (left, VOTE))


async def test_what_was_said_to_the_former_node_is_not_heard(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """While the id changes only this node's own requests wait; they go to the new plane."""
    former = desk.plane
    desk.say(outputs.Retire("reset", ()))
    await trio.sleep(DISK_S / 2)
    heard = len(former.inputs)
    desk.peers.on_message(ScriptedLink(), MESSAGE)
    desk.datagrams.on_datagram(PEER, b"to the former one")
    answers: list[Answer] = []
    desk.node.request_nowait(ForceSync(), answers.append)
    await trio.sleep(1)
    assert len(former.inputs) == heard
    assert desk.plane is not former
    assert desk.plane.inputs == [Asked(1, ForceSync())]
    assert answers == []


async def test_a_request_to_the_former_node_is_not_carried_out_by_the_new_one(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    """Who asked it was told that it is over."""
    desk = ScriptedNode(evolve(OPTIONS, shell=ShellOptions(turn_inputs_max=1)))
    await nursery.start(desk.node.run)
    answers: list[Answer] = []
    desk.say(outputs.Retire("reset", ()))
    desk.node.request_nowait(Form(), answers.append)
    await trio.sleep(1)
    assert answers == [RENEWED]
    assert len(desk.planes) == 2 and desk.plane.inputs == []


async def test_beginning_anew_waits_for_the_disk(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """Nobody hears of the new id before it is durable; the former one says nothing either."""
    former = desk.node.own_id
    desk.files.on_call = fault = FailWhile(errno.EIO, lambda called, name: called == "sync")
    desk.say(outputs.Retire("reset", ()))
    await trio.sleep(30)
    assert desk.node.own_id == former
    assert desk.peers.identity.node == former and len(desk.planes) == 1
    fault.active = False
    await trio.sleep(6)
    assert desk.node.own_id != former and len(desk.planes) == 2


async def test_views_are_those_of_the_plane(
    desk: ScriptedNode, autojump_clock: trio.testing.MockClock
) -> None:
    """What is asked of the node without waiting is answered by the plane as it is now."""
    node = desk.node
    assert node.endpoint == OWN
    assert node.map() is None and node.slot_view() is None
    assert [member.node for member in node.members()] == [node.own_id, PEER_ID]
    assert node.claims().node == node.own_id
    assert node.phi() == {}
    assert node.metadata().role == "none"
    assert node.links() == []
    assert node.statistics().control.stage == "unformed"
    assert node.wall_ms() == 1_700_000_000_000 and node.monotonic() == trio.current_time()
