"""Plans into proposals: moves that stand in the map are carried on, and plans are committed.

The leader of the metadata log does it, once in a while; what it needs to know is the map and the
answers of those who were asked for keys, so the next leader goes on where this one stopped. With
`auto-rebalance` a plan is committed by itself, when members and map have not changed for a while:
a node that comes back within that time costs nothing.

A committed plan is a row of commands that were planned for the map of one epoch. They are proposed
one after the other, and the first that is rejected ends the row: the map has moved on, and the
next plan starts from there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cluster.control import requests as r
from cluster.control.asking import Counted
from cluster.control.parts import Parts
from cluster.control.proposals import NOT_LED, UNKNOWN_TEXT, Proposals
from cluster.identity import NodeId
from cluster.map.commands import AdvanceTransition, AdvanceTransitions, MapCommand
from cluster.map.values import ClusterMap, CommandResult
from cluster.plans.plan import ClusterPlan
from cluster.plans.planning import live_members, make_cluster_plan
from cluster.plans.steps import CountWanted, KeyReport, StepLimits, next_steps

#: Setting of the whole cluster, `yes` or `no`; without it each leader's own option counts.
AUTO_REBALANCE = "auto-rebalance"

OnEnd = Callable[[CommandResult | None, str], None]


class Rebalancing:
    """Carries moves on while this node leads the metadata log, and commits plans."""

    def __init__(self, parts: Parts, proposals: Proposals, now: float) -> None:
        self._parts = parts
        self._proposals = proposals
        self._look_at = now + parts.options.rebalance_interval_s
        self._changed_at = now
        self._reports: dict[int, KeyReport] = {}
        self._asked: set[int] = set()
        #: Commands that were proposed and not answered yet; nothing more is decided meanwhile.
        self._under_way = 0
        self._planned_for: tuple[int, frozenset[NodeId]] | None = None
        self.waiting_for: dict[int, str] = {}

    def open_transitions(self) -> int:
        """Return how many moves stand in the map."""
        held = self._parts.map
        if held is None:
            return 0
        return sum(partition.transition is not None for partition in held.partitions.values())

    def members_changed(self, now: float) -> None:
        """Somebody came, went or changed."""
        self._changed_at = now

    def map_changed(self, now: float) -> None:
        """There is a newer map: look at it soon."""
        self._changed_at = now
        self._look_at = now

    def deadline(self) -> float | None:
        """When `on_deadline` wants to be called."""
        return self._look_at if self._parts.log.is_leader else None

    def on_deadline(self, now: float) -> None:
        """Look whether something can be moved on, if this node leads."""
        parts = self._parts
        if not parts.log.is_leader or now < self._look_at:
            return
        self._look_at = now + parts.options.rebalance_interval_s
        if parts.map is None or self._under_way:
            return
        is_still = not self._carry_on(parts.map)
        if is_still and self._is_plan_due(parts.map, now):
            self._plan_unasked(parts.map)

    def commit(self, token: int, at_epoch: int) -> None:
        """Commit the plan for the map of this epoch, because somebody wants it."""
        parts, held = self._parts, self._parts.map
        assert held is not None
        if held.epoch != at_epoch:
            text = (
                f"ERR the map has moved on from epoch {at_epoch} to {held.epoch}; "
                "look at the plan again (meridian-ctl plan)"
            )
            parts.answer(token, r.RequestRefused(text))
            return
        plan = make_cluster_plan(held, self._live())
        if plan.is_empty:
            parts.answer(token, r.Done("there is nothing to do", held.epoch))
            return

        def on_end(result: CommandResult | None, reason: str) -> None:
            parts.answer(token, _answer(plan, result, reason))

        self._propose_row(plan.commands, on_end)

    def _carry_on(self, held: ClusterMap) -> bool:
        """Propose the next steps of moves, if any, and ask for the keys that others wait for."""
        self._reports = {n: found for n, found in self._reports.items() if n in held.partitions}
        limits = StepLimits(self._parts.options.transitions_max)
        steps = next_steps(held, self._reports, limits)
        self.waiting_for = dict(steps.waits)
        for command in _together(steps.commands):
            self._under_way += 1
            self._proposals.propose(command, self._proposed)
        for wanted in steps.counts:
            self._count(wanted)
        return bool(steps.commands)

    def _proposed(self, result: CommandResult | None, reason: str) -> None:
        self._under_way -= 1

    def _count(self, wanted: CountWanted) -> None:
        held = self._parts.map
        if wanted.partition in self._asked or held is None:
            return
        self._asked.add(wanted.partition)
        on_keys = partial(self._counted, wanted)
        self._proposals.count_keys(wanted.slots, on_keys)

    def _counted(self, wanted: CountWanted, counted: Mapping[NodeId, Counted] | None) -> None:
        self._asked.discard(wanted.partition)
        if counted is None or wanted.node not in counted:
            return
        found = counted[wanted.node]
        if found.keys == NOT_LED:
            return
        # The epoch of who counted, not ours: a leader that lags behind may still take new keys.
        self._reports[wanted.partition] = KeyReport(found.keys, found.epoch, wanted.node)
        if not found.keys:
            self._look_at = self._parts.now

    def _is_plan_due(self, held: ClusterMap, now: float) -> bool:
        """Whether a plan is to be made unasked: nothing has changed for the settling time."""
        options = self._parts.options
        chosen = held.settings.get(AUTO_REBALANCE)
        is_wanted = options.is_auto_rebalance if chosen is None else chosen == "yes"
        is_calm = now - self._changed_at >= options.rebalance_settle_s
        return is_wanted and is_calm and self._planned_for != (held.epoch, self._live())

    def _plan_unasked(self, held: ClusterMap) -> None:
        plan = make_cluster_plan(held, self._live())
        self._planned_for = (held.epoch, self._live())
        if plan.is_empty:
            return
        self._parts.notice(
            logging.INFO,
            f"Committing a plan: {len(plan.changes)} partitions change, "
            f"{plan.moved_replicas} replicas move, {len(plan.splits)} partitions split",
        )
        self._propose_row(plan.commands, lambda result, reason: None)

    def _propose_row(self, commands: Sequence[MapCommand], on_end: OnEnd) -> None:
        """Propose these commands one after the other; the first that fails ends the row."""
        rest = deque(commands)
        self._under_way += 1

        def go_on(result: CommandResult | None, reason: str) -> None:
            if rest and result is not None and result.is_applied:
                self._proposals.propose(rest.popleft(), go_on)
                return
            self._under_way -= 1
            on_end(result, reason)

        self._proposals.propose(rest.popleft(), go_on)

    def _live(self) -> frozenset[NodeId]:
        held = self._parts.map
        return frozenset() if held is None else live_members(held, self._parts.swim.members())


def _together(commands: Sequence[MapCommand]) -> list[MapCommand]:
    """Put all steps forward into one command: one commit, and one new map for everybody."""
    moves = tuple(c for c in commands if isinstance(c, AdvanceTransition))
    if len(moves) < 2:
        return list(commands)
    rest = [command for command in commands if not isinstance(command, AdvanceTransition)]
    return [AdvanceTransitions(moves), *rest]


def _answer(plan: ClusterPlan, result: CommandResult | None, reason: str) -> r.Answer:
    if result is None:
        return r.RequestRefused(UNKNOWN_TEXT.format(reason=reason), is_unknown=True)
    if not result.is_applied:
        return r.RequestRefused(f"ERR {result.text}")
    text = f"{len(plan.changes)} partitions change, {plan.moved_replicas} replicas move"
    return r.Done(text, result.epoch)
