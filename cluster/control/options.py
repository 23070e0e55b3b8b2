"""Options of the control plane: those of its cores, and what it does itself."""

from __future__ import annotations

from attrs import field, frozen

from cluster.birth.options import BirthOptions
from cluster.errors import OptionError
from cluster.identity import Endpoint
from cluster.membership.options import SwimOptions
from cluster.membership.phi import PhiOptions
from cluster.metadata.options import MetadataOptions

#: What a sealed datagram takes beside its payload, with some room (docs/protocols/peer.md).
SEAL_BYTES = 64


@frozen(kw_only=True)
class ControlOptions:
    """Options of the control plane of one node.

    Attributes:
        swim, phi, birth, metadata: options of the cores.
        seeds: gossip endpoints to make contact with at the start.
        is_auto_rebalance: commit plans by itself; the cluster-wide setting `auto-rebalance`
            (yes or no) comes first.
        rebalance_settle_s: members and map must not have changed for so long before that.
        rebalance_interval_s: how often a leader looks whether something can be moved on.
        transitions_max: moves of partitions that are open at once in the whole cluster.
        inquiry_timeout_s: a question for keys that is not answered by then has failed.
        write_hold_s: leaders that were found empty, and hear nothing more about it for so long,
            have the matter settled.
        removal_quarantine_s: the id of a removed node is refused by gossip for so long.
        journal_rewrite_bytes: the journal is written anew when it has grown by so much.
        dispute_s: a node serves nothing for so long while it may be the second one with its id.
        dissolve_linger_s: members of a dissolved cluster tell it to each other for so long.
        data_check_s: how often this node looks whether it holds keys.
    """

    swim: SwimOptions = SwimOptions(packet_reserve_bytes=SEAL_BYTES)
    phi: PhiOptions = field(factory=PhiOptions)
    birth: BirthOptions = field(factory=BirthOptions)
    metadata: MetadataOptions = field(factory=MetadataOptions)
    seeds: tuple[Endpoint, ...] = ()
    is_auto_rebalance: bool = True
    rebalance_settle_s: float = 5.0
    rebalance_interval_s: float = 1.0
    transitions_max: int = 32
    inquiry_timeout_s: float = 3.0
    write_hold_s: float = 10.0
    removal_quarantine_s: float = 24 * 3600.0
    journal_rewrite_bytes: int = 4 << 20
    dissolve_linger_s: float = 5.0
    dispute_s: float = 10.0
    data_check_s: float = 1.0

    def validate(self) -> None:
        """Check every bound and relation, those of the cores too.

        Raises:
            OptionError: with the name of the first option that does not fit.
        """
        self.swim.validate()
        self.birth.validate()
        self.metadata.validate()
        hold_s = self.metadata.proposal_deadline_s + self.inquiry_timeout_s
        for name, is_right, allowed in (
            ("rebalance_settle_s", self.rebalance_settle_s >= 0, "at least 0"),
            ("rebalance_interval_s", self.rebalance_interval_s > 0, "more than 0"),
            ("transitions_max", self.transitions_max >= 1, "at least 1"),
            ("inquiry_timeout_s", self.inquiry_timeout_s > 0, "more than 0"),
            ("write_hold_s", self.write_hold_s > hold_s, f"more than {hold_s}"),
            ("removal_quarantine_s", self.removal_quarantine_s > 0, "more than 0"),
            ("journal_rewrite_bytes", self.journal_rewrite_bytes >= 1000, "at least 1000"),
            ("dissolve_linger_s", self.dissolve_linger_s > 0, "more than 0"),
            ("dispute_s", self.dispute_s > 0, "more than 0"),
            ("data_check_s", self.data_check_s > 0, "more than 0"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)
