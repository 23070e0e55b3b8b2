from __future__ import annotations

from random import Random

import pytest

from cluster.identity import Endpoint
from cluster.transport.dialling import Dial
from cluster.transport.link import Link, LinkState
from cluster.transport.link_core import LinkCore
from cluster.transport.link_timers import Duty, LinkTimers
from cluster.transport.options import TransportOptions
from cluster.wire.handshake import Handshake
from tests.harness.memory_peers import identity_of

OPTIONS = TransportOptions()


def link(state: LinkState, *, is_outgoing: bool = True) -> Link:
    """A link at time 0 that is given up at 5."""
    handshake = Handshake(identity_of(1), b"", is_outgoing=is_outgoing, challenge=bytes(32))
    core = LinkCore(handshake, tls=None, queue_bytes_max=OPTIONS.queue_bytes_max)
    dial = Dial(Endpoint("10.0.0.2", 7400), OPTIONS, Random(1)) if is_outgoing else None
    made = Link(core, dial=dial, touch=lambda link, message: None)
    made.state = state
    made.expires_at = 5.0
    return made


def looked(now: float, due: float | None = None) -> LinkTimers:
    """Timers whose look begins now, on time unless said otherwise."""
    timers = LinkTimers(OPTIONS)
    timers.wake_at(now if due is None else due)
    timers.begin(now)
    return timers


def test_the_earliest_wish_counts_and_looks_are_apart() -> None:
    """Looks are at least a tenth of a second apart, whatever is wished for."""
    timers = LinkTimers(OPTIONS)
    assert timers.wake_at(9.0) and timers.wake_at(7.0) and not timers.wake_at(8.0)
    assert timers.due == 7.0
    timers.begin(7.0)
    assert timers.due is None
    assert timers.wake_at(7.01) and timers.due == pytest.approx(7.1)


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        (LinkState.NAMING, Duty.NAME, Duty.GIVE_UP),
        (LinkState.CONNECTING, Duty.NONE, Duty.GIVE_UP),
        (LinkState.GREETING, Duty.NONE, Duty.GIVE_UP),
        (LinkState.CLOSING, Duty.NONE, Duty.NONE),
    ],
)
def test_links_on_their_way_up_are_given_up_in_time(
    state: LinkState, before: Duty, after: Duty
) -> None:
    """Until then a name is asked for again at each look."""
    timers = looked(4.9)
    assert timers.judge(link(state), 4.9) is before
    assert timers.due == (None if state is LinkState.CLOSING else 5.0)
    assert looked(5.0).judge(link(state), 5.0) is after


@pytest.mark.parametrize(
    ("now", "duty"),
    [(4.9, Duty.NONE), (5.0, Duty.KEEP_ALIVE), (19.9, Duty.KEEP_ALIVE), (20.0, Duty.END_SILENT)],
)
def test_a_link_is_kept_alive_and_ends_in_silence(now: float, duty: Duty) -> None:
    """Nothing was sent or heard since 0."""
    assert looked(now).judge(link(LinkState.UP), now) is duty


@pytest.mark.parametrize(("is_outgoing", "duty"), [(True, Duty.END_IDLE), (False, Duty.NONE)])
def test_only_who_opened_a_link_ends_it_for_idleness(is_outgoing: bool, duty: Duty) -> None:
    """The other side can't know whether it will be wanted."""
    idle = link(LinkState.UP, is_outgoing=is_outgoing)
    idle.heard_at = idle.sent_at = 299.0
    assert looked(300.0).judge(idle, 300.0) is duty
    idle.is_used = True
    assert looked(300.0).judge(idle, 300.0) is Duty.NONE


def test_a_blocked_link_is_sent_no_keepalives() -> None:
    """Its queue would fill with them; the silence of the other side ends it."""
    blocked = link(LinkState.UP)
    blocked.unsent = memoryview(b"rest")
    timers = looked(6.0)
    assert timers.judge(blocked, 6.0) is Duty.NONE and timers.due == 11.0


def test_a_late_look_blames_nobody() -> None:
    """Who stood still for a minute has not listened for a minute."""
    timers = looked(60.0, due=5.0)
    assert timers.judge(link(LinkState.UP), 60.0) is Duty.KEEP_ALIVE
    assert timers.judge(link(LinkState.GREETING), 60.0) is Duty.NONE
    assert timers.judge(link(LinkState.CONNECTING), 60.0) is Duty.GIVE_UP
