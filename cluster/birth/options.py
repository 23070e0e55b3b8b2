"""Options of the birth of a cluster: every wait, retry and bound by name."""

from __future__ import annotations

from attrs import frozen

from cluster.errors import OptionError


@frozen
class BirthOptions:
    """Options of the birth core.

    Attributes:
        quiet_s: membership must not have changed for this long before a genesis is proposed.
        patience_s: the second lowest candidate waits this much longer than the lowest, and so on:
            a candidate that never comes to propose does not keep the others from it for ever.
        call_timeout_s: who has not answered a call by then is left out.
        offer_timeout_s: an offer that not all have accepted by then is withdrawn.
        resend_s: pause between repetitions of a call or an offer.
        complete_s: offers of proposers that have not heard of everybody are refused for so long.
        query_s: pause between questions about an undecided genesis.
        abandon_s: an acceptance is given up when its proposer has been dead for so long.
        form_timeout_s: who asked to form a cluster hears after so long that it is not formed yet.
        replicas: copies per datacenter that the new cluster is to keep.
        is_bootstrap: form a cluster of this node alone when it meets nobody at its start.
        hello_s: the same foreign cluster is greeted at most once per so many seconds.
        notice_s: the same notice is given at most once per so many seconds.
        freeze_s: a cluster stays frozen for so long while its members are asked for data.
        dropped_max: how many geneses given up are remembered.
        foreign_max: how many foreign clusters, and endpoints of each, are remembered.
    """

    quiet_s: float = 1.0
    patience_s: float = 10.0
    call_timeout_s: float = 2.0
    offer_timeout_s: float = 5.0
    resend_s: float = 0.5
    complete_s: float = 10.0
    query_s: float = 1.0
    abandon_s: float = 60.0
    form_timeout_s: float = 30.0
    replicas: int = 3
    is_bootstrap: bool = False
    hello_s: float = 5.0
    notice_s: float = 60.0
    freeze_s: float = 30.0
    dropped_max: int = 256
    foreign_max: int = 16

    def validate(self) -> None:
        """Check every bound and relation.

        Raises:
            OptionError: with the name of the first option that does not fit.
        """
        round_s = self.call_timeout_s + self.offer_timeout_s
        for name, is_right, allowed in (
            ("quiet_s", self.quiet_s > 0, "more than 0"),
            ("resend_s", 0 < self.resend_s < self.call_timeout_s, "below call_timeout_s"),
            ("offer_timeout_s", self.offer_timeout_s > self.resend_s, "more than resend_s"),
            ("patience_s", self.patience_s >= round_s, "at least a whole round"),
            ("complete_s", 0 <= self.complete_s < self.abandon_s, "below abandon_s"),
            ("query_s", self.query_s > 0, "more than 0"),
            ("abandon_s", self.abandon_s > round_s, "more than a whole round"),
            ("replicas", self.replicas >= 1, "at least 1"),
            ("hello_s", self.hello_s > 0, "more than 0"),
            ("dropped_max", self.dropped_max >= 1, "at least 1"),
            ("foreign_max", self.foreign_max >= 1, "at least 1"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)
