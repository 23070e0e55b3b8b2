"""The state machine of the metadata log: the next map, and what became of the command.

`apply_command` is a function of its arguments alone, and total: each command on each map gives a
map and a result, never an exception. So all replicas of the log have the same map, which is what
makes an epoch mean one map.

* Every change adds exactly 1 to the epoch. A command that finds things as it wants them is applied
  without one; a rejected one changes nothing.
* The newest 256 results are remembered by command id, rejections too: a proposal that is sent
  again because its answer was lost is carried out once and answered the same.
* A frozen cluster takes back the freeze or dissolves, and a dissolved one stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from cluster.map import commands, member_changes, slot_changes, transition_changes
from cluster.map.commands import (
    BumpEpoch,
    Dissolve,
    Freeze,
    MapCommand,
    SetFeature,
    SetSetting,
    Unfreeze,
)
from cluster.map.rejection import CommandRejected, require
from cluster.map.values import RESULTS_MAX, ClusterMap, CommandResult, RememberedResult

__all__ = ["CommandResult", "apply_command"]

NAME_CHARACTERS_MAX = 64
VALUE_CHARACTERS_MAX = 1024
NAMES_MAX = 256


def apply_command(
    current: ClusterMap, command_id: int, command: MapCommand
) -> tuple[ClusterMap, CommandResult]:
    """Return the map after a command, and the result; a known id gives its first result."""
    for remembered in current.results:
        if remembered.command_id == command_id:
            return current, remembered.result
    changed, result = _carried_out(current, command)
    results = (*current.results, RememberedResult(command_id, result))[-RESULTS_MAX:]
    return attrs.evolve(changed, results=results), result


def _carried_out(current: ClusterMap, command: MapCommand) -> tuple[ClusterMap, CommandResult]:
    try:
        _check_not_frozen(current, command)
        changed = _HANDLERS[type(command)](current, command)
    except CommandRejected as rejected:
        return current, CommandResult(False, rejected.text, current.epoch)
    if changed is not current:
        changed = attrs.evolve(changed, epoch=current.epoch + 1)
    text = _bump_text(current, changed, command) if isinstance(command, BumpEpoch) else ""
    return changed, CommandResult(True, text, changed.epoch)


def _check_not_frozen(current: ClusterMap, command: MapCommand) -> None:
    if current.dissolved_into is not None:
        raise CommandRejected(f"the cluster has become part of {current.dissolved_into}")
    if current.is_frozen and not isinstance(command, Freeze | Unfreeze | Dissolve):
        raise CommandRejected("the cluster is frozen, it is about to become part of another one")


def _bump_text(before: ClusterMap, after: ClusterMap, command: BumpEpoch) -> str:
    word = "STILL" if after is before else "BUMPED"
    return f"{word} {after.members[command.node].config_epoch}"


def _freeze(current: ClusterMap, _: Freeze) -> ClusterMap:
    return current if current.is_frozen else attrs.evolve(current, is_frozen=True)


def _unfreeze(current: ClusterMap, _: Unfreeze) -> ClusterMap:
    return attrs.evolve(current, is_frozen=False) if current.is_frozen else current


def _dissolve(current: ClusterMap, command: Dissolve) -> ClusterMap:
    require(current.is_frozen, "the cluster is not frozen")
    require(
        command.at_epoch == current.epoch,
        f"the map has moved on from epoch {command.at_epoch} to {current.epoch}",
    )
    require(command.into != current.cluster, "a cluster cannot become part of itself")
    return attrs.evolve(current, dissolved_into=command.into)


def _set_setting(current: ClusterMap, command: SetSetting) -> ClusterMap:
    _check_name(command.name)
    settings = {n: v for n, v in current.settings.items() if n != command.name}
    if command.value:
        length = len(command.value)
        require(length <= VALUE_CHARACTERS_MAX, f"a value has {length} characters")
        require(len(settings) < NAMES_MAX, f"there are {NAMES_MAX} settings already")
        settings[command.name] = command.value
    if settings == current.settings:
        return current
    return attrs.evolve(current, settings=settings)


def _set_feature(current: ClusterMap, command: SetFeature) -> ClusterMap:
    _check_name(command.name)
    if command.is_on == (command.name in current.features):
        return current
    if not command.is_on:
        return attrs.evolve(current, features=current.features - {command.name})
    require(len(current.features) < NAMES_MAX, f"there are {NAMES_MAX} features already")
    return attrs.evolve(current, features=current.features | {command.name})


def _check_name(name: str) -> None:
    is_name = 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable() and " " not in name
    require(is_name, f"a name has 1 to {NAME_CHARACTERS_MAX} characters and no spaces")


# Each handler takes the command class it is entered for; the type of that table cannot be said.
_HANDLERS: dict[type[MapCommand], Callable[[ClusterMap, Any], ClusterMap]] = {
    commands.AddMember: member_changes.add_member,
    commands.UpdateMember: member_changes.update_member,
    commands.SetMemberState: member_changes.set_member_state,
    commands.SetWeight: member_changes.set_weight,
    commands.RemoveMember: member_changes.remove_member,
    commands.ReplaceMember: member_changes.replace_member,
    commands.SetConfigEpoch: member_changes.set_config_epoch,
    commands.BumpEpoch: member_changes.bump_epoch,
    commands.SetReplicates: member_changes.set_replicates,
    commands.AssignSlots: slot_changes.assign_slots,
    commands.UnassignSlots: slot_changes.unassign_slots,
    commands.MoveSlots: slot_changes.move_slots,
    commands.SplitPartitions: slot_changes.split_partitions,
    commands.Fence: slot_changes.fence,
    commands.Unpin: slot_changes.unpin,
    commands.BeginTransitions: transition_changes.begin_transitions,
    commands.AdvanceTransition: transition_changes.advance_transition,
    commands.AdvanceTransitions: transition_changes.advance_transitions,
    commands.AbortTransition: transition_changes.abort_transition,
    commands.SetSetting: _set_setting,
    commands.SetFeature: _set_feature,
    commands.Freeze: _freeze,
    commands.Unfreeze: _unfreeze,
    commands.Dissolve: _dissolve,
}
