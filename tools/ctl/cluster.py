"""The cluster as a server knows it: MERIDIAN's documents, as values.

The structs hold what the tables show; `--json` prints the documents as they came, so a program
sees fields that this version of the tool does not know.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from attrs import frozen

from tools.connection import Address, Connection, ConnectionLost, ErrorReply
from tools.ctl.login import connect, log_in
from tools.ctl.output import Failure, Value

#: A change waits for the metadata log, which may be choosing its leader.
CHANGE_TIMEOUT_S = 60.0

Shape = TypeVar("Shape")


class Status(msgspec.Struct, kw_only=True):
    """MERIDIAN CLUSTER-STATUS; what a node without a cluster lacks has a default."""

    node: str
    endpoint: str
    is_formed: bool
    members: dict[str, int]
    troubles: list[str]
    cluster: str = ""
    epoch: int = 0
    home_datacenter: str = ""
    replicas: int = 0
    map_members: int = 0
    partitions: int = 0
    slots_owned: int = 0
    slots_unowned: int = 0
    pinned_partitions: int = 0
    open_transitions: int = 0
    waiting_for: dict[str, str] = {}
    settings: dict[str, str] = {}
    features: list[str] = []
    is_frozen: bool = False


class Node(msgspec.Struct, kw_only=True):
    """One of MERIDIAN NODES; a node that is not in the map leads and holds nothing."""

    node: str
    is_self: bool
    is_member: bool
    status: str
    phi: float | None
    phi_level: str | None
    endpoint: str
    client_port: int
    datacenter: str
    rack: str
    machine: str
    weight: float
    roles: list[str]
    version: str = ""
    state: str = ""
    leads: int = 0
    holds: int = 0
    slots: int = 0


class RingNode(msgspec.Struct, kw_only=True):
    """One member in MERIDIAN RING."""

    node: str
    datacenter: str
    rack: str
    machine: str
    weight: float
    virtual_nodes: int
    share: float
    leads_wanted: float
    leads: int
    holds: int


class Ring(msgspec.Struct, kw_only=True):
    """MERIDIAN RING."""

    epoch: int
    partitions: int
    most_over_share: float
    nodes: list[RingNode]


class Transition(msgspec.Struct, kw_only=True):
    """A move that is under way."""

    step: str
    old: dict[str, list[str]]
    new: dict[str, list[str]]


class Partition(msgspec.Struct, kw_only=True):
    """A partition of the map."""

    partition: int
    slots: str
    leader: str | None
    placements: dict[str, list[str]]
    epoch: int
    is_pinned: bool
    transition: Transition | None


class ClusterMap(msgspec.Struct, kw_only=True):
    """MERIDIAN MAP."""

    cluster: str
    epoch: int
    home_datacenter: str
    replicas: int
    partitions: list[Partition]
    unowned: str


class Split(msgspec.Struct, kw_only=True):
    """A partition whose upper half of slots becomes a new one."""

    partition: int
    new: int


class Change(msgspec.Struct, kw_only=True):
    """What a plan changes about one partition in one datacenter."""

    partition: int
    datacenter: str
    old: list[str]
    new: list[str]


class LeaderChange(msgspec.Struct, kw_only=True):
    """A partition that another node is to lead."""

    partition: int
    old: str
    new: str


class Load(msgspec.Struct, kw_only=True):
    """What one node leads and holds before a plan and after it."""

    node: str
    leads_before: int
    leads_after: int
    holds_before: int
    holds_after: int


class Plan(msgspec.Struct, kw_only=True):
    """MERIDIAN PLAN."""

    epoch: int
    is_empty: bool
    aborts: list[int]
    splits: list[Split]
    changes: list[Change]
    moved_replicas: int
    leader_changes: list[LeaderChange]
    loads: list[Load]
    notes: list[str]


class Metadata(msgspec.Struct, kw_only=True):
    """The part of MERIDIAN METADATA that this tool acts on."""

    leader: str | None


class Phi(msgspec.Struct, kw_only=True):
    """One of MERIDIAN PHI."""

    node: str
    phi: float | None
    level: str
    age_s: float


class Outcome(msgspec.Struct, kw_only=True):
    """What a change came to; `epoch` is that of the map it is in, 0 for none."""

    text: str
    epoch: int


@frozen
class Document:
    """An answer as it came; `shaped` reads what a table needs."""

    text: str

    def shaped(self, shape: type[Shape]) -> Shape:
        """The document as a value.

        Raises:
            ConnectionLost: it is of another shape, so the server is not what it should be.
        """
        try:
            return msgspec.json.decode(self.text, type=shape)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise ConnectionLost(f"an answer that this version does not know: {error}") from error

    @property
    def data(self) -> Mapping[str, Value]:
        """The document as one JSON object; a list is put into one, as `items`."""
        loaded: object = json.loads(self.text)
        if isinstance(loaded, dict):
            return loaded
        assert isinstance(loaded, list), loaded
        return {"items": loaded}


class Cluster:
    """A connection to one node, asked about the cluster."""

    def __init__(self, connection: Connection, *, password: str = "") -> None:
        self.connection = connection
        self._password = password

    def document(self, *words: bytes | str | int) -> Document:
        """The answer to MERIDIAN with these words.

        Raises:
            Failure: the server is not a node of a cluster, or no Meridian.
            ErrorReply: it refused, in its own words.
        """
        try:
            answer = self.connection.call("MERIDIAN", *words)
        except ErrorReply as refusal:
            text, where = str(refusal), self.connection.address
            if "cluster support disabled" in text:
                raise Failure(
                    f"{where} is not a node of a cluster; start it with --cluster-enabled yes"
                ) from None
            if text.lower().startswith("err unknown command"):
                raise Failure(f"{where} does not know MERIDIAN; is it a Meridian?") from None
            raise Failure(text.removeprefix("ERR ")) from None
        if not isinstance(answer, bytes):
            raise ConnectionLost(f"a document was expected, not {answer!r}")
        return Document(answer.decode())

    def status(self) -> Status:
        """The cluster in a few numbers."""
        return self.document("CLUSTER-STATUS").shaped(Status)

    def status_at_leader(self) -> Status:
        """The status at the leader of the metadata log, who alone knows what moves wait for.

        It is reached at the address of its gossip and with the same password; where that does not
        do, what this node knows has to.
        """
        own = self.status()
        leader = self.document("METADATA").shaped(Metadata).leader
        found = [node for node in self.nodes() if node.node == leader and not node.is_self]
        if not found:
            return own
        host = found[0].endpoint.rpartition(":")[0].strip("[]")
        try:
            with log_in(Address(host, found[0].client_port), self._password) as connection:
                return Cluster(connection).status()
        except (ConnectionLost, ErrorReply, Failure):
            return own

    def nodes(self) -> list[Node]:
        """All known nodes."""
        return self.document("NODES").shaped(list[Node])

    def plan(self) -> Plan:
        """What would be moved now."""
        return self.document("PLAN").shaped(Plan)

    def is_auto_rebalance(self) -> bool:
        """Whether plans are carried out by themselves: the cluster's setting, else the option.

        The option is the leader's, and this is the node's that was asked; they rarely differ.
        """
        chosen = self.status().settings.get("auto-rebalance")
        if chosen is None:
            answer = self.connection.call("CONFIG", "GET", "auto-rebalance")
            return isinstance(answer, list) and answer[-1:] == [b"yes"]
        return chosen == "yes"

    def map(self) -> ClusterMap:
        """The cluster map."""
        return self.document("MAP").shaped(ClusterMap)


@contextmanager
def cluster_of(options: argparse.Namespace) -> Iterator[Cluster]:
    """A connection to the server of the command line, closed at the end.

    Raises:
        ConnectionLost: it cannot be reached.
        ErrorReply: it does not take the password.
    """
    with connect(options, timeout_s=CHANGE_TIMEOUT_S) as connection:
        yield Cluster(connection, password=options.password)
