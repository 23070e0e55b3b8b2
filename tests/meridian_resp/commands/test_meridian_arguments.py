"""Arguments of MERIDIAN."""

from __future__ import annotations

import attrs
import pytest

from cluster.identity import Endpoint, NodeId
from cluster.redis_ids import to_redis_id
from cluster.slots import SlotSet
from meridian_resp.commands.meridian_arguments import (
    endpoint_argument,
    feature_argument,
    node_argument,
    setting_arguments,
    slots_argument,
    switch_argument,
    weight_argument,
)
from meridian_resp.errors import CommandError
from tests.cluster.map.maps import first_map, member, node_id
from tests.harness.told_cluster import ToldCluster, told_cluster, view_of


def test_a_node_is_named_in_any_form_of_its_id() -> None:
    """As a UUID in any case, in Redis' 40 digits, or by as much as tells it from the others."""
    port = told_cluster(first_map(3))
    node = node_id(2)
    for form in (node, node.upper(), to_redis_id(node), node[:-1] + "2", node.replace("-", "")):
        assert node_argument(port, form.encode()) == node


def test_the_beginning_of_an_id_is_enough() -> None:
    """Dashes do not matter; nodes that are not in the map yet are found too."""
    other = NodeId("8c6f0000-1111-4222-8333-444455556666")
    views = [view_of(member(1)), attrs.evolve(view_of(member(2)), node=other)]
    port = ToldCluster(views=views)
    for form in (b"8", b"8C6F", b"8c6f00001", b"8c6f0000-1"):
        assert node_argument(port, form) == other


@pytest.mark.parametrize("form", ["f", "xyz", "", "-", str(node_id(7)), "0" * 41])
def test_a_node_that_nobody_knows_is_refused(form: str) -> None:
    """The error says where all are listed."""
    port = told_cluster(first_map(3))
    with pytest.raises(CommandError, match="meridian-ctl nodes"):
        node_argument(port, form.encode())


def test_too_little_of_an_id_is_refused_with_the_candidates() -> None:
    """Not all of them, when there are many."""
    port = told_cluster(first_map(9))
    with pytest.raises(CommandError) as refused:
        node_argument(port, b"0000")
    assert "beginning of 9 ids" in refused.value.text
    assert refused.value.text.count(", ") == 1 + 4 + 1
    assert refused.value.text.endswith(", ...")


def test_endpoints_have_our_own_port_unless_they_say_another() -> None:
    """All nodes of a cluster usually gossip on one port."""
    port = ToldCluster(endpoint=Endpoint("10.0.0.1", 7400))
    assert endpoint_argument(port, b"db2") == Endpoint("db2", 7400)
    assert endpoint_argument(port, b"[::1]:9") == Endpoint("::1", 9)
    with pytest.raises(CommandError, match="such as 10"):
        endpoint_argument(port, b"db2:x")


def test_slots_are_numbers_and_ranges() -> None:
    """Each word one or the other; several words add up."""
    assert slots_argument([b"0-9", b"5-12", b"16383"]) == SlotSet.of([*range(13), 16383])
    for wrong in (b"16384", b"a", b"9-x", b"-1"):
        with pytest.raises(CommandError, match="neither a slot nor a range"):
            slots_argument([b"1", wrong])


@pytest.mark.parametrize(("text", "weight"), [(b"0", 0), (b"0.001", 0.001), (b"1000", 1000)])
def test_weights_are_within_bounds(text: bytes, weight: float) -> None:
    """0 leaves it to the node itself."""
    assert weight_argument(text) == weight


@pytest.mark.parametrize("text", [b"-1", b"1001", b"1e3", b"nan", b"x", b"", b"0.0001", b"1,5"])
def test_other_weights_are_refused(text: bytes) -> None:
    """The error says what a weight is."""
    with pytest.raises(CommandError, match="a weight is a number from"):
        weight_argument(text)


def test_settings_are_those_that_the_control_plane_reads() -> None:
    """A misspelt one would be kept and mean nothing; any that is set can be removed."""
    later = {"of-a-later-version": "x"}
    assert setting_arguments(b"Auto-Rebalance", b"NO", {}) == ("auto-rebalance", "no")
    assert setting_arguments(b"auto-rebalance", b"", {}) == ("auto-rebalance", "")
    assert setting_arguments(b"of-a-later-version", b"", later) == ("of-a-later-version", "")
    with pytest.raises(CommandError, match="there are: auto-rebalance"):
        setting_arguments(b"auto-rebalnce", b"no", {})
    with pytest.raises(CommandError, match="auto-rebalance is one of: yes, no"):
        setting_arguments(b"auto-rebalance", b"maybe", {})


@pytest.mark.parametrize("name", [b"\xff", b"auto-rebalnce", b"x" * 5_000_000])
def test_removing_a_setting_of_no_name_ended_the_node(name: bytes) -> None:
    """A name that can't be encoded went as far as the log."""
    with pytest.raises(CommandError, match="there is no setting"):
        setting_arguments(name, b"", {})


def test_what_the_cluster_notes_for_itself_is_no_switch() -> None:
    """Whether it ever held keys decides which of two clusters gives way."""
    held = {"held-keys", "new-thing"}
    assert feature_argument(b"New-Thing", held) == "new-thing"
    with pytest.raises(CommandError, match="record of the cluster itself"):
        feature_argument(b"held-keys", held)
    for wrong in (b"", b"newthing", b"\xff", b"x" * 65):
        with pytest.raises(CommandError, match="this version has no feature"):
            feature_argument(wrong, held)


def test_a_feature_is_on_or_off() -> None:
    """In any case."""
    assert switch_argument(b"ON")
    assert not switch_argument(b"off")
    with pytest.raises(CommandError):
        switch_argument(b"yes")
