from __future__ import annotations

from random import Random
from typing import get_args

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.map import commands
from cluster.map.codec import map_digest
from cluster.map.commands import (
    AddMember,
    BumpEpoch,
    Dissolve,
    Freeze,
    SetFeature,
    SetSetting,
    SetWeight,
    Unfreeze,
)
from cluster.map.deltas import DeltaLog, NumberedCommand, follow
from cluster.map.state_machine import NAMES_MAX, apply_command
from cluster.map.values import RESULTS_MAX, CommandResult
from tests.cluster.map.maps import (
    CLUSTER,
    OTHER_CLUSTER,
    apply,
    first_map,
    member,
    node_id,
    refusal,
    run,
    some_command,
    some_map,
)

seeds = st.integers(0, 2**32)


@settings(max_examples=30)
@given(seeds)
def test_every_command_on_every_map_gives_a_map(seed: int) -> None:
    """No exception, invariants hold, an epoch per change, rejections change nothing but memory.

    The same commands give the same map again, and a follower that is sent deltas has it too.
    """
    rng = Random(seed)
    first = current = some_map(rng)
    held = first
    log: list[NumberedCommand] = []
    deltas = DeltaLog()
    for _ in range(60):
        numbered = NumberedCommand(rng.getrandbits(64), some_command(rng, current))
        before = current
        current, result = apply_command(before, numbered.command_id, numbered.command)
        current.check_invariants()
        log.append(numbered)
        deltas.note(before, current, numbered)
        is_changed = attrs.evolve(current.published(), epoch=before.epoch) != before.published()
        assert before.epoch + is_changed == current.epoch == result.epoch, numbered
        assert result.is_applied or not is_changed, numbered
        assert bool(result.text) or result.is_applied, numbered
        if rng.random() < 0.2 and current.epoch > held.epoch:
            delta = deltas.delta_since(held.epoch, current)
            assert delta is not None
            held = follow(held, delta)
            assert current.published() == held
    again = first
    for numbered in log:
        again, _ = apply_command(again, numbered.command_id, numbered.command)
    assert current == again
    assert map_digest(current) == map_digest(again)


def test_all_commands_are_drawn() -> None:
    """The commands of the test above are all that there are, and each is applied sometimes."""
    applied: set[type] = set()
    rejected: set[type] = set()
    for seed in range(90):
        rng = Random(seed)
        current = some_map(rng)
        for _ in range(60):
            command = some_command(rng, current)
            current, result = apply(current, command)
            (applied if result.is_applied else rejected).add(type(command))
    known = set(get_args(commands.MapCommand))
    assert known == applied
    assert known - rejected <= {Freeze, Unfreeze, BumpEpoch, commands.SetWeight}


def test_a_retried_command_is_carried_out_once() -> None:
    """The same id again changes nothing and gives the first answer, whatever came between."""
    current, first = apply_command(first_map(2), 7, SetSetting("name", "one"))
    current = run(current, SetSetting("name", "two"))
    after, again = apply_command(current, 7, SetSetting("name", "one"))
    assert after is current
    assert first == again
    assert after.settings == {"name": "two"}


def test_a_rejection_is_remembered_too() -> None:
    """A retry of a rejected command is rejected again, even where it would be possible now."""
    current, first = apply_command(first_map(2), 7, SetWeight(node_id(5), 2.0))
    assert not first.is_applied
    current = run(current, AddMember(member(5)))
    _, again = apply_command(current, 7, SetWeight(node_id(5), 2.0))
    assert first == again


def test_results_are_remembered_within_a_bound() -> None:
    """The newest 256 are kept; an id that was pushed out is carried out again."""
    current = first_map(1)
    for number in range(RESULTS_MAX + 1):
        current, _ = apply_command(current, number, SetSetting("name", str(number + 1)))
    assert tuple(range(1, RESULTS_MAX + 1)) == current.applied_ids
    current, _ = apply_command(current, 0, SetSetting("name", "again"))
    assert current.settings == {"name": "again"}


def test_what_is_so_already_costs_no_epoch() -> None:
    """A command that finds what it wants is applied, and the map keeps its epoch."""
    current = run(first_map(1), SetSetting("name", "value"), SetFeature("flag", True))
    for command in (SetSetting("name", "value"), SetFeature("flag", True), Unfreeze()):
        after, result = apply(current, command)
        assert CommandResult(True, "", current.epoch) == result
        assert current.epoch == after.epoch


def test_settings_and_features_come_and_go() -> None:
    """An empty value removes a setting; a feature is on or off."""
    current = run(first_map(1), SetSetting("name", "value"), SetFeature("flag", True))
    assert current.settings == {"name": "value"}
    assert {"flag"} == current.features
    current = run(current, SetSetting("name", ""), SetFeature("flag", False))
    assert not current.settings
    assert not current.features


def test_settings_and_features_have_limits() -> None:
    """Names, values and how many there are: the map is kept in memory by every node."""
    current = first_map(1)
    assert "name" in refusal(current, SetSetting("", "value"))
    assert "name" in refusal(current, SetSetting("n" * 65, "value"))
    assert "name" in refusal(current, SetFeature("two words", True))
    assert "value" in refusal(current, SetSetting("name", "v" * 1025))
    for number in range(NAMES_MAX):
        current = run(current, SetSetting(f"s{number}", "1"), SetFeature(f"f{number}", True))
    assert "already" in refusal(current, SetSetting("more", "1"))
    assert "already" in refusal(current, SetFeature("more", True))


def test_a_frozen_cluster_stands_still() -> None:
    """Until it is taken back nothing changes; a dissolved cluster never changes again."""
    frozen = run(first_map(2), Freeze())
    assert frozen.is_frozen
    assert "frozen" in refusal(frozen, AddMember(member(5)))
    assert not run(frozen, Unfreeze()).is_frozen
    assert "itself" in refusal(frozen, Dissolve(CLUSTER, frozen.epoch))
    assert "moved on" in refusal(frozen, Dissolve(OTHER_CLUSTER, frozen.epoch - 1))
    gone = run(frozen, Freeze(), Dissolve(OTHER_CLUSTER, frozen.epoch))
    assert gone.dissolved_into == OTHER_CLUSTER
    for command in (Unfreeze(), Dissolve(CLUSTER, 1), AddMember(member(5)), BumpEpoch(node_id(0))):
        assert OTHER_CLUSTER in refusal(gone, command)


def test_only_a_frozen_cluster_dissolves() -> None:
    """What was not frozen may be taking writes."""
    assert "not frozen" in refusal(first_map(2), Dissolve(OTHER_CLUSTER, 1))


def test_an_epoch_bump_says_what_redis_says() -> None:
    """BUMPED with the new epoch; STILL when the member has the greatest one alone."""
    current, result = apply(first_map(2), BumpEpoch(node_id(0)))
    assert result.text == "BUMPED 1"
    after, again = apply(current, BumpEpoch(node_id(0)))
    assert ("STILL 1", current.epoch) == (again.text, after.epoch)
    _, other = apply(current, BumpEpoch(node_id(1)))
    assert other.text == "BUMPED 2"
