"""The limits and switches of a group, with their units, checked in one place.

The same options must be given to all members of a group: a lease is only a promise when those
who would break it wait as long as the one who relies on it.
"""

from __future__ import annotations

import attrs

from cluster.errors import OptionError


@attrs.frozen(kw_only=True)
class RaftOptions:
    """Options of one group; `validate` says whether they fit together."""

    election_timeout_s: float = 1.0
    """Silence of the leader after which a follower campaigns: drawn anew from [1, 2) times this
    whenever the timer starts (5.2). Also the lease: votes are refused for so long."""
    heartbeat_interval_s: float = 0.15
    """How often a leader shows itself to followers that get nothing else."""
    is_pre_vote: bool = True
    """Ask whether an election could be won before the term is raised (thesis 9.6)."""
    is_check_quorum: bool = True
    """A leader that hears no majority for an election timeout steps down (thesis 6.2), and
    who heard a leader within that time refuses votes (paper section 6, last paragraphs)."""
    is_lease_reads: bool = False
    """Answer reads without a round while the lease holds (thesis 6.4.1). Depends on clocks:
    between two machines they may drift apart by `clock_drift_s_max` per election timeout."""
    clock_drift_s_max: float = 0.1
    """How much of the lease is given away to differing clocks."""
    is_forwarding: bool = True
    """Send proposals on to the leader; otherwise refuse them and name the leader."""
    append_bytes_max: int = 1 << 20
    """Data of one message of entries; a single larger entry still travels, alone."""
    inflight_messages_max: int = 64
    """Messages of entries that a follower has not answered yet."""
    inflight_bytes_max: int = 16 << 20
    """Bytes of entries that a follower has not answered yet."""
    uncommitted_bytes_max: int = 64 << 20
    """Entries of the leader that are not committed; beyond it proposals are refused."""
    apply_bytes_max: int = 4 << 20
    """Committed entries handed out and not reported as applied."""
    reads_max: int = 4096
    """Reads that wait for their confirmation; beyond it they are refused."""
    snapshot_timeout_s: float = 60.0
    """A snapshot not acknowledged for so long is given up and tried again."""
    hibernate_after_s: float | None = None
    """Idle time after which a group falls silent until something wakes it; None: never."""

    def validate(self) -> None:
        """Check every bound and every relation between options.

        Raises:
            OptionError: names the first option that does not fit.
        """
        positive = (
            "election_timeout_s",
            "heartbeat_interval_s",
            "append_bytes_max",
            "inflight_messages_max",
            "inflight_bytes_max",
            "uncommitted_bytes_max",
            "apply_bytes_max",
            "reads_max",
            "snapshot_timeout_s",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise OptionError(name, getattr(self, name), "greater than 0")
        if self.heartbeat_interval_s * 2 > self.election_timeout_s:
            # One lost heartbeat must not be an election.
            allowed = "at most half of election_timeout_s"
            raise OptionError("heartbeat_interval_s", self.heartbeat_interval_s, allowed)
        if not 0 <= self.clock_drift_s_max < self.election_timeout_s:
            allowed = "at least 0 and less than election_timeout_s"
            raise OptionError("clock_drift_s_max", self.clock_drift_s_max, allowed)
        if self.is_lease_reads and not self.is_check_quorum:
            raise OptionError("is_lease_reads", True, "used together with is_check_quorum")
        if self.hibernate_after_s is not None and self.hibernate_after_s < 0:
            raise OptionError("hibernate_after_s", self.hibernate_after_s, "at least 0 or None")
