"""The limits and intervals of the metadata log, with their units, checked in one place."""

from __future__ import annotations

from attrs import field, frozen

from cluster.errors import OptionError
from cluster.raft import RaftOptions

#: The number of the metadata log among the Raft groups of a node; on the wire and on disk.
METADATA_GROUP = 1


def metadata_raft_options() -> RaftOptions:
    """Return the options of the group: patient, since a change of the map is never urgent.

    It does not hibernate: four heartbeats a second among five nodes cost little, and a dead leader
    is noticed without help. Proposals are sent on by the proposer, who can repeat them.
    """
    return RaftOptions(
        election_timeout_s=1.0,
        heartbeat_interval_s=0.25,
        is_forwarding=False,
        inflight_bytes_max=4 << 20,
        uncommitted_bytes_max=16 << 20,
        snapshot_timeout_s=10.0,
    )


@frozen(kw_only=True)
class MetadataOptions:
    """Options of the metadata log; `validate` says whether they fit together."""

    raft: RaftOptions = field(factory=metadata_raft_options)
    snapshot_entries: int = 1000
    """A snapshot is made when so many entries were applied since the last one."""
    kept_entries: int = 200
    """Entries behind a snapshot that stay in the log, for members that are a little behind."""
    kept_changes: int = 128
    """Changes of the map that are kept to be handed on one by one; older ones cost a whole map."""
    proposals_max: int = 1024
    """Proposals of this node that wait for their outcome; beyond it they are refused."""
    proposal_deadline_s: float = 5.0
    """After this long a proposal is given up; it may still come to be."""
    proposal_retry_s: float = 1.0
    """A proposal that nobody answered is sent again, to somebody else, after this long."""
    proposal_pause_s: float = 0.1
    """The same when somebody answered that it does not lead, and knows nobody who does."""
    result_wait_s: float = 1.0
    """How long an answer waits for this node to hold the map that it speaks of."""
    map_request_timeout_s: float = 2.0
    """A map that was asked for and has not come by then is asked of somebody else."""
    map_sources_max: int = 16
    """Nodes remembered that said that they hold a newer map."""
    member_patience_s: float = 2.0
    """How long a member that hears its leader waits for its log, before it asks for a map."""
    duties_interval_s: float = 1.0
    """How often a leader looks whether members, facts or voters need a change."""
    admit_after_s: float = 1.0
    """How long an unformed node must have been alive before it is made a member."""
    admissions_max: int = 64
    """Commands that one look at the members may lead to."""
    voter_dead_s: float = 300.0
    """A voter that has been dead for so long is replaced, if there is somebody to replace it."""
    caught_up_entries: int = 10
    """A learner this close to the end of the log may become a voter."""

    def validate(self) -> None:
        """Check every bound.

        Raises:
            OptionError: names the first option that does not fit.
        """
        self.raft.validate()
        for name in (
            "snapshot_entries",
            "kept_changes",
            "proposals_max",
            "proposal_deadline_s",
            "proposal_retry_s",
            "proposal_pause_s",
            "result_wait_s",
            "map_request_timeout_s",
            "map_sources_max",
            "duties_interval_s",
            "admissions_max",
            "voter_dead_s",
        ):
            if getattr(self, name) <= 0:
                raise OptionError(name, getattr(self, name), "greater than 0")
        for name in ("kept_entries", "member_patience_s", "admit_after_s", "caught_up_entries"):
            if getattr(self, name) < 0:
                raise OptionError(name, getattr(self, name), "at least 0")
