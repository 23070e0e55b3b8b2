"""MERIDIAN's documents as values."""

from __future__ import annotations

import attrs
import pytest

from meridian_resp.protocol.replies import bulks
from tests.cluster.map.maps import first_map, node_id
from tests.harness.told_cluster import ToldCluster, told_cluster
from tests.tools.answering_server import answering_server
from tests.tools.ctl.told_server import ToldServer, told_server
from tools.connection import Connection, ConnectionLost
from tools.ctl.cluster import Cluster, Document, Status
from tools.ctl.output import Failure


def test_documents_of_a_server_are_read() -> None:
    """All fields are there, those of this version and later ones."""
    with told_server(told_cluster(first_map(3))) as server:
        with Connection(server.address) as connection:
            cluster = Cluster(connection)
            assert cluster.status().map_members == 3
            assert [node.node for node in cluster.nodes()] == [node_id(n) for n in range(3)]
            assert len(cluster.map().partitions) == 128


def test_a_node_without_a_cluster_lacks_most_of_it() -> None:
    """What it has not is zero or empty."""
    with told_server(ToldCluster()) as server:
        with Connection(server.address) as connection:
            status = Cluster(connection).status()
    assert (status.is_formed, status.epoch, status.cluster) == (False, 0, "")


@pytest.mark.parametrize(
    ("settings", "option", "is_automatic"),
    [
        ({}, b"yes", True),
        ({}, b"no", False),
        ({"auto-rebalance": "no"}, b"yes", False),
        ({"auto-rebalance": "yes"}, b"no", True),
    ],
)
def test_the_setting_of_the_cluster_comes_before_the_option(
    settings: dict[str, str], option: bytes, is_automatic: bool
) -> None:
    """As it does for the leader of the metadata log."""
    told = ToldServer(told_cluster(attrs.evolve(first_map(1), settings=settings)))

    def answering(command: list[bytes]) -> bytes:
        if command[0] == b"CONFIG":
            return bulks([b"auto-rebalance", option])
        return told.answer(command)

    with answering_server(answering) as server, Connection(server.address) as connection:
        assert Cluster(connection).is_auto_rebalance() is is_automatic


def test_a_server_that_is_no_node_is_told_how_to_become_one() -> None:
    """The complaint names the option."""
    with told_server(None) as server, Connection(server.address) as connection:
        with pytest.raises(Failure, match="start it with --cluster-enabled yes"):
            Cluster(connection).status()


def test_a_server_that_is_no_meridian_is_named() -> None:
    """Redis does not know MERIDIAN."""
    with answering_server() as server, Connection(server.address) as connection:
        with pytest.raises(Failure, match="is it a Meridian"):
            Cluster(connection).status()


def test_an_answer_of_another_kind_is_no_answer() -> None:
    """A status reply, or a document without what must be in it."""
    with answering_server(lambda command: b":1\r\n") as server:
        with Connection(server.address) as connection, pytest.raises(ConnectionLost):
            Cluster(connection).status()
    for text in ("{}", "[1]", "nonsense"):
        with pytest.raises(ConnectionLost, match="does not know"):
            Document(text).shaped(Status)


def test_a_list_becomes_an_object_for_programs() -> None:
    """Each line of `--json` is an object."""
    assert Document('[{"a":1}]').data == {"items": [{"a": 1}]}
    assert Document('{"a":1}').data == {"a": 1}
