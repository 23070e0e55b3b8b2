"""What the parts of the birth core share: the durable state, the outbox, the contacts.

`Durable` changes by records only, and `write` is the one way to write some: the state, the journal
and the outbox cannot get out of step.
"""

from __future__ import annotations

import enum
import logging
from random import Random

from cluster.birth.contacts import Contacts
from cluster.birth.events import Notice, Output, Send
from cluster.birth.options import BirthOptions
from cluster.birth.outbox import Outbox
from cluster.birth.records import Durable
from cluster.identity import Endpoint, NodeId
from cluster.journal.records import Record
from cluster.map.values import Genesis
from cluster.wire.messages import PeerMessage


class Stage(enum.Enum):
    """Where a node stands between its first start and its cluster."""

    UNFORMED = "unformed"
    PROPOSING = "proposing"
    ACCEPTED = "accepted"
    HELD = "held"
    FORMED = "formed"


class BirthState:
    """The state of one node's birth core; changed by its parts."""

    def __init__(
        self, own: NodeId, endpoint: Endpoint, *, options: BirthOptions, rng: Random, now: float
    ) -> None:
        self.own = own
        self.endpoint = endpoint
        self.options = options
        self.rng = rng
        self.durable = Durable(own, options.dropped_max)
        self.outbox = Outbox()
        self.contacts = Contacts(own, now)
        self.has_data = False
        #: The node that was here was removed: its keys make no cluster unless somebody asks.
        self.is_sent_away = False
        self._noticed: dict[str, float] = {}

    @property
    def is_bound(self) -> bool:
        """Whether a genesis or a cluster has this node already."""
        durable = self.durable
        return any(held is not None for held in (durable.accepted, durable.held, durable.cluster))

    def write(self, *records: Record) -> None:
        """Change the durable state, and save the change."""
        self.durable.apply(records)
        self.outbox.save(*records)

    def put(self, output: Output) -> None:
        """Say something, once all that was written is durable."""
        self.outbox.put(output)

    def send(self, node: NodeId, default: Endpoint, message: PeerMessage) -> None:
        """Send to where the node is now, or else to where it was."""
        self.put(Send(self.contacts.endpoint_of(node, default), message))

    def send_to_members(self, genesis: Genesis, message: PeerMessage) -> None:
        """Send to all members of a genesis but this node."""
        for member in genesis.members:
            if member.node != self.own:
                self.send(member.node, member.endpoint, message)

    def notice(self, text: str, level: int = logging.INFO) -> None:
        """Say something to people."""
        self.put(Notice(level, text))

    def notice_rarely(self, text: str, now: float) -> None:
        """Warn people of something that goes on; the same words at most once per `notice_s`."""
        last = self._noticed.get(text)
        if last is None or now - last >= self.options.notice_s:
            if len(self._noticed) >= 64:
                self._noticed.clear()  # texts name strangers: what is remembered is bounded
            self._noticed[text] = now
            self.notice(text, logging.WARNING)
