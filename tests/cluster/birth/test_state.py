from __future__ import annotations

import logging
from random import Random

from cluster.birth.events import Notice, Save, Send
from cluster.birth.options import BirthOptions
from cluster.birth.records import genesis_record
from cluster.birth.state import BirthState
from cluster.journal.records import RecordKind
from cluster.wire.messages import GenesisCall
from tests.cluster.birth.lone_node import genesis_of
from tests.sim.birth_nodes import endpoint, node_id, view


def _state() -> BirthState:
    options = BirthOptions()
    return BirthState(node_id(1), endpoint(1), options=options, rng=Random(1), now=0.0)


def test_state_journal_and_outbox_change_together() -> None:
    """What is written is in force at once, on its way to the disk, and not yet told."""
    state, genesis = _state(), genesis_of(1, 2)
    state.write(genesis_record(RecordKind.GENESIS_HELD, genesis))
    state.send_to_members(genesis, GenesisCall(1))
    assert (_state().is_bound, state.is_bound) == (False, True)
    assert [type(output) for output in state.outbox.take()] == [Save]
    state.outbox.saved(1)
    assert list(state.outbox.take()) == [Send(endpoint(2), GenesisCall(1))]


def test_messages_go_to_where_a_node_is_now() -> None:
    """An address in a genesis may be old; the node itself hears nothing from itself."""
    state, genesis = _state(), genesis_of(1, 2)
    state.contacts.update([view(1)], 0.0)
    state.send(node_id(2), endpoint(9), GenesisCall(1))
    state.contacts.update([view(1), view(2)], 0.0)
    state.send(node_id(2), endpoint(9), GenesisCall(2))
    state.send_to_members(genesis, GenesisCall(3))
    targets = [output.endpoint for output in state.outbox.take() if isinstance(output, Send)]
    assert targets == [endpoint(9), endpoint(2), endpoint(2)]


def test_what_goes_on_is_told_rarely() -> None:
    """The same words once a minute; other words at once; memory of words is bounded."""
    state = _state()
    for now in (0.0, 30.0, 60.0):
        state.notice_rarely("x", now)
    state.notice_rarely("y", 60.0)
    assert list(state.outbox.take()) == [Notice(logging.WARNING, text) for text in ("x", "x", "y")]
    for number in range(200):
        state.notice_rarely(str(number), 60.0)
    assert len(state.outbox.take()) == 200
