"""The map that a node shows: it only grows, and others are told what leads to it."""

from __future__ import annotations

import uuid

import attrs

from cluster.identity import ClusterId, id_to_bytes
from cluster.map.codec import decode_map
from cluster.map.commands import SetSetting
from cluster.map.deltas import NumberedCommand, decode_delta, follow
from cluster.map.genesis import genesis_map
from cluster.map.state_machine import apply_command
from cluster.map.values import ClusterMap
from cluster.metadata.group import Change
from cluster.metadata.held_map import HeldMap
from cluster.wire.messages import MapRequest
from tests.sim.metadata_world import CLUSTER, genesis_of

FIRST = genesis_map(genesis_of(1, 1))
HERE = id_to_bytes(CLUSTER)


def changes_of(start: ClusterMap, count: int) -> list[Change]:
    """So many changes, one after the other."""
    changes: list[Change] = []
    current = start
    for number in range(count):
        identifier = current.epoch * 100 + number
        command = SetSetting("name", f"value{identifier}")
        after, _ = apply_command(current, identifier, command)
        changes.append(Change(current, after, NumberedCommand(identifier, command)))
        current = after
    return changes


def grown(count: int, *, kept: int = 4) -> tuple[HeldMap, list[Change]]:
    """A held map after so many changes."""
    held = HeldMap(FIRST, kept_changes=kept)
    changes = changes_of(FIRST, count)
    for change in changes:
        assert held.advance(change.after.published(), (change,))
    return held, changes


def test_a_node_a_little_behind_is_sent_what_it_lacks() -> None:
    """The delta leads it to the same map."""
    held, changes = grown(6)
    reply = held.reply_to(MapRequest(HERE, 4), [b"n" * 16])
    assert reply is not None and not reply.whole
    assert (reply.epoch, reply.voters) == (7, [b"n" * 16])
    assert follow(changes[2].after, decode_delta(reply.delta)) == held.map


def test_the_map_of_a_former_cluster_was_told_as_that_of_the_new_one() -> None:
    """Both had the same epoch, and the bytes of the former one were kept."""
    held, _ = grown(2)
    assert held.reply_to(MapRequest(HERE, 0), []) is not None
    held.clear()
    other = attrs.evolve(FIRST, cluster=ClusterId(str(uuid.UUID(int=7, version=4))), epoch=3)
    assert held.advance(other, ())
    reply = held.reply_to(MapRequest(b"", 0), [])
    assert reply is not None and decode_map(reply.whole).cluster == other.cluster


def test_a_node_far_behind_is_sent_the_whole() -> None:
    """What led there is remembered for a bounded number of changes."""
    held, _ = grown(6)
    for known in (0, 2):
        reply = held.reply_to(MapRequest(HERE, known), [])
        assert reply is not None and not reply.delta
        assert decode_map(reply.whole) == held.map


def test_there_is_no_answer_for_strangers_and_for_those_who_are_ahead() -> None:
    """Neither a map of another cluster nor an old one is of use."""
    held, _ = grown(2)
    assert held.reply_to(MapRequest(b"x" * 16, 0), []) is None
    assert held.reply_to(MapRequest(HERE, 3), []) is None
    assert HeldMap(None, kept_changes=4).reply_to(MapRequest(HERE, 0), []) is None


def test_an_older_map_is_not_taken() -> None:
    """Epochs never go back, whoever brings them."""
    held, changes = grown(3)
    assert not held.advance(FIRST)
    assert not held.follow(changes[0].after, 1, None)
    assert held.epoch == 4


def test_a_follower_passes_on_what_it_followed() -> None:
    """So maps spread among those who do not run the log."""
    leader, changes = grown(4)
    follower = HeldMap(changes[0].after.published(), kept_changes=4)
    reply = leader.reply_to(MapRequest(HERE, 2), [])
    assert reply is not None and changes[0].after.epoch == 2
    delta = decode_delta(reply.delta)
    newer = follow(changes[0].after, delta)
    assert follower.follow(newer, 2, delta)
    passed = follower.reply_to(MapRequest(HERE, 3), [])
    assert passed is not None and passed.delta
    assert follow(changes[1].after, decode_delta(passed.delta)) == leader.map


def test_a_gap_costs_a_whole_map_once() -> None:
    """After a map that came whole, deltas begin anew there."""
    held, _ = grown(2)
    jump = changes_of(FIRST, 9)[-1].after.published()
    assert held.advance(jump)
    reply = held.reply_to(MapRequest(HERE, 3), [])
    assert reply is not None and reply.whole
    (change,) = changes_of(jump, 1)
    assert held.advance(change.after.published(), (change,))
    reply = held.reply_to(MapRequest(HERE, jump.epoch), [])
    assert reply is not None and reply.delta
    held.clear()
    assert held.epoch == 0
