"""Taking a cluster apart that never held a key, so that its nodes become part of another one.

The metadata leader does it: it commits Freeze, after which no member that has applied it takes a
write; it asks every member whether it holds a key, which a member answers only under that frozen
map; when all have answered no, it commits Dissolve. One key anywhere, or a member that does not
answer in time, and it commits Unfreeze instead. Every member that applies Dissolve leaves.

Steps may be proposed more than once; the map itself says what was carried out. A leader that
finds a frozen map nobody works on goes on with Unfreeze: the next hello begins anew. Once Dissolve
was proposed this leader never proposes Unfreeze: the outcome of Dissolve may be unknown.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from cluster.birth.events import MapNews, ProposeMerge, Send
from cluster.birth.state import BirthState
from cluster.identity import ClusterId, Endpoint, NodeId, id_to_bytes
from cluster.map.commands import Dissolve, Freeze, Unfreeze
from cluster.wire.messages import HasDataReply, HasDataRequest


class Step(enum.Enum):
    """What the leader is about to do."""

    NONE = 0
    FREEZE = 1
    ASK = 2
    DISSOLVE = 3
    UNFREEZE = 4


class Dissolving:
    """The end of this node's cluster, if it leads its metadata log."""

    def __init__(self, state: BirthState, on_data: Callable[[bool], None]) -> None:
        self._state = state
        self._on_data = on_data
        self._news: MapNews | None = None
        self.step = Step.NONE
        self._into: ClusterId | None = None
        self._answered: set[NodeId] = set()
        #: The frozen map under which the members answered.
        self._asked_epoch = 0
        self._ends_at = 0.0
        self._again_at = 0.0

    # The members' side.

    def data_requested(self, endpoint: Endpoint, message: HasDataRequest) -> None:
        """Say whether this node holds a key, under the frozen map that is meant.

        A map may name a node that became part of another cluster before it learned of that map.
        Such a node holds nothing of the cluster that asks. An unformed one is silent: it may still
        come to be a member, under an older map.
        """
        news, own = self._news, self._state.durable.cluster
        if own is None:
            return
        if id_to_bytes(own) != message.cluster:
            self._state.put(Send(endpoint, HasDataReply(message.epoch, has_data=False)))
        elif news is not None and news.is_frozen and news.epoch == message.epoch:
            self._state.put(Send(endpoint, HasDataReply(news.epoch, self._state.has_data)))

    # The leader's side.

    def begin(self, into: ClusterId, now: float) -> None:
        """Give way to that cluster."""
        news = self._news
        if news is None or news.leader != self._state.own or self.step is not Step.NONE:
            return
        self._into = into
        self._ends_at = now + self._state.options.freeze_s
        self._enter(Step.ASK if news.is_frozen else Step.FREEZE, now)

    def map_news(self, news: MapNews, now: float) -> None:
        """The map, or the leader, has changed."""
        before, self._news = self._news, news
        if news.leader != self._state.own:
            self.step = Step.NONE
        elif self.step is Step.FREEZE and news.is_frozen:
            self._enter(Step.ASK, now)
        elif self.step is Step.UNFREEZE and not news.is_frozen:
            self.step = Step.NONE
        elif self.step is Step.ASK and before is not None and before.epoch != news.epoch:
            # Answers were given under another map.
            self._enter(Step.ASK if news.is_frozen else Step.NONE, now)
        elif self.step is Step.DISSOLVE and news.epoch != self._asked_epoch:
            # Another leader has thawed it: that Dissolve will not be carried out any more.
            self.step = Step.NONE
        elif self.step is Step.NONE and news.is_frozen:
            self._enter(Step.UNFREEZE, now)
            self._again_at = now + self._state.options.freeze_s

    def data_reply(self, node: NodeId, message: HasDataReply, now: float) -> None:
        """Count a member's answer."""
        if self.step is not Step.ASK or self._news is None or message.epoch != self._news.epoch:
            return
        if message.has_data:
            self._give_up(f"node {node} holds data", now)
            self._on_data(True)
            return
        self._answered.add(node)
        self._conclude(now)

    def stop(self) -> None:
        """This node is in no cluster any more."""
        self._news, self.step = None, Step.NONE

    def deadline(self) -> float | None:
        """Return when `on_time` wants to be called."""
        if self.step is Step.NONE:
            return None
        if self.step in (Step.FREEZE, Step.ASK):
            return min(self._ends_at, self._again_at)
        return self._again_at

    def on_time(self, now: float) -> None:
        """Ask again, or give up."""
        if self.step in (Step.FREEZE, Step.ASK) and now >= self._ends_at:
            self._give_up("not all members answered in time", now)
        elif self.step is not Step.NONE and now >= self._again_at:
            self._act(now)

    def _enter(self, step: Step, now: float) -> None:
        self.step = step
        if step is Step.ASK and self._news is not None:
            self._asked_epoch = self._news.epoch
        self._answered.clear()
        self._act(now)
        if step is Step.ASK:
            self._conclude(now)

    def _act(self, now: float) -> None:
        state = self._state
        self._again_at = now + (
            state.options.query_s if self.step is Step.ASK else state.options.hello_s
        )
        match self.step:
            case Step.FREEZE:
                state.put(ProposeMerge(Freeze()))
            case Step.UNFREEZE:
                state.put(ProposeMerge(Unfreeze()))
            case Step.DISSOLVE:
                assert self._into is not None
                state.put(ProposeMerge(Dissolve(self._into, self._asked_epoch)))
            case Step.ASK:
                cluster = state.durable.cluster
                assert self._news is not None and cluster is not None
                request = HasDataRequest(self._news.epoch, id_to_bytes(cluster))
                for node, endpoint in self._news.members:
                    if node != state.own and node not in self._answered:
                        state.send(node, endpoint, request)
            case Step.NONE:
                pass

    def _conclude(self, now: float) -> None:
        assert self._news is not None
        if self._state.has_data:
            self._give_up("this node holds data", now)
            return
        members = {node for node, _ in self._news.members} - {self._state.own}
        if members <= self._answered:
            self._enter(Step.DISSOLVE, now)

    def _give_up(self, reason: str, now: float) -> None:
        state = self._state
        text = f"this cluster does not become part of {self._into}: {reason}"
        state.notice(text, logging.WARNING)
        self._enter(Step.UNFREEZE, now)
