"""Options of a node of a cluster, put together: who it is, where, with whom, and every bound.

The parts have options of their own (`swim`, `phi`, `transport`, ...); this is what the shell is
built from. `validate` goes through all of them, so that a wrong one is refused at start.
"""

from __future__ import annotations

from attrs import field, frozen

from cluster.control.options import ControlOptions
from cluster.errors import OptionError
from cluster.identity import Endpoint
from cluster.membership.facts import NodeFacts
from cluster.transport.options import TransportOptions
from cluster.wire.frames import FRAME_BYTES_MAX


@frozen(kw_only=True)
class JournalOptions:
    """Options of the task that writes the journal.

    Attributes:
        retry_min_s: pause after the first failed write.
        retry_max_s: the pause doubles up to this.
        waiting_bytes_max: what may wait for a disk that refuses; beyond it the node stops.
    """

    retry_min_s: float = 0.1
    retry_max_s: float = 5.0
    waiting_bytes_max: int = 256 << 20

    def validate(self) -> None:
        """Check every bound. Raises OptionError."""
        for name, is_right, allowed in (
            ("retry_min_s", 0 < self.retry_min_s <= self.retry_max_s, "above 0, to retry_max_s"),
            ("waiting_bytes_max", self.waiting_bytes_max > 0, "more than 0"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)


@frozen(kw_only=True)
class ShellOptions:
    """Bounds of the shell.

    Attributes:
        inbox_count_max: packets and messages that wait for the control task; more are dropped.
        inbox_bytes_max: the same in bytes.
        turn_inputs_max: inputs taken in before outputs are acted on and other tasks run.
        requests_max: requests that wait for their answers; more are refused.
        request_timeout_s: a request that was not answered by then has an unknown outcome.
        leave_timeout_s: how long a stop waits for the others to have heard of it.
        table_refresh_s: pause between writing all rows of the membership table, below 30.
        table_retention_s: how long the row of a node that is not heard of any more stays.
    """

    inbox_count_max: int = 8192
    inbox_bytes_max: int = 64 << 20
    turn_inputs_max: int = 64
    requests_max: int = 1024
    request_timeout_s: float = 15.0
    leave_timeout_s: float = 5.0
    table_refresh_s: float = 10.0
    table_retention_s: float = 24 * 3600.0

    def validate(self) -> None:
        """Check every bound. Raises OptionError."""
        least = FRAME_BYTES_MAX
        for name, is_right, allowed in (
            ("inbox_count_max", self.inbox_count_max >= 1, "at least 1"),
            ("inbox_bytes_max", self.inbox_bytes_max >= least, f"at least a frame ({least})"),
            ("turn_inputs_max", self.turn_inputs_max >= 1, "at least 1"),
            ("requests_max", self.requests_max >= 1, "at least 1"),
            ("request_timeout_s", self.request_timeout_s > 0, "more than 0"),
            ("leave_timeout_s", self.leave_timeout_s >= 0, "at least 0"),
            ("table_refresh_s", 0 < self.table_refresh_s < 30, "above 0 and below 30"),
            ("table_retention_s", self.table_retention_s > 0, "more than 0"),
        ):
            if not is_right:
                raise OptionError(name, getattr(self, name), allowed)


@frozen
class TlsFiles:
    """PEM files of mutual TLS: own certificate chain, its key, and who signs those of peers."""

    certificate: str
    key: str
    authority: str


@frozen(kw_only=True)
class ClusterOptions:
    """Everything that a node of a cluster is built from.

    Attributes:
        data_directory: its state is in the directory `cluster` there.
        listening: numeric address and port, TCP and UDP, where it listens for other nodes.
        announced: where they reach it.
        cluster_name: nodes of another name are refused.
        secret: shared by all nodes of the cluster; empty for none.
        tls: files for mutual TLS; None for links in the clear.
        facts: what it says about itself.
        control: of the control plane: seeds, birth, moves.
        transport: of links and datagrams.
        journal: of the task that writes the journal.
        shell: of the node itself.
    """

    data_directory: str
    listening: Endpoint
    announced: Endpoint
    cluster_name: str = "meridian"
    secret: bytes = field(default=b"", repr=False)
    tls: TlsFiles | None = None
    facts: NodeFacts = field(factory=NodeFacts)
    control: ControlOptions = field(factory=ControlOptions)
    transport: TransportOptions = field(factory=TransportOptions)
    journal: JournalOptions = field(factory=JournalOptions)
    shell: ShellOptions = field(factory=ShellOptions)

    def validate(self) -> None:
        """Check the options of all parts.

        Raises:
            OptionError: with the name of the first option that does not fit.
        """
        self.control.validate()
        self.transport.validate()
        self.journal.validate()
        self.shell.validate()
        if not self.data_directory:
            raise OptionError("data_directory", self.data_directory, "a directory")
