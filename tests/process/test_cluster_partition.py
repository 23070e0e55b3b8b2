"""A real partition between real processes with addresses of their own, made and healed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness.cluster_processes import ClusterProcess, agree, cluster_of, wait_until
from tests.harness.namespaces import hosts_on_a_hub, why_not

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def namespaces() -> None:
    """Skip where network namespaces can't be made."""
    reason = why_not()
    if reason:
        pytest.skip(reason)


def sees_dead(asked: ClusterProcess, about: list[ClusterProcess]) -> bool:
    """Whether a node holds all of these for failed."""
    shown = asked.nodes()
    return all("fail" in shown[f"{n.address}:{n.port}"][2].split(",") for n in about)


def sees_well(asked: ClusterProcess, about: list[ClusterProcess]) -> bool:
    """Whether a node holds none of these for failed or suspected."""
    shown = asked.nodes()
    return all("fail" not in shown[f"{n.address}:{n.port}"][2] for n in about)


@pytest.mark.usefixtures("namespaces")
def test_a_minority_serves_its_map_and_the_halves_find_each_other_again(tmp_path: Path) -> None:
    """During the partition both sides serve what they lead; only the majority changes the map."""
    with hosts_on_a_hub(5) as hub, cluster_of(tmp_path, 5, hosts=hub.hosts) as nodes:
        for node in nodes[1:]:
            assert nodes[0].ask(f"CLUSTER MEET {node.address} 7401 7400") == b"+OK"
        wait_until(lambda: agree(nodes), 15, "one agreed map")
        epoch = int(nodes[0].information()["cluster_current_epoch"])
        minority, majority = sides(nodes)

        hub.divide([node.host for node in minority if node.host is not None])
        wait_until(
            lambda: (
                all(sees_dead(node, minority) for node in majority)
                and all(sees_dead(node, majority) for node in minority)
            ),
            60,
            "each side holds the other for dead",
        )
        own_key = key_led_by(minority[0])
        assert minority[0].ask(f"SET {own_key} kept") == b"+OK"
        assert minority[0].ask(f"GET {own_key}") == b"kept"
        foreign_key = key_led_by(majority[0])
        assert minority[0].ask(f"GET {foreign_key}").startswith(b"-")
        assert majority[0].ask(f"SET {foreign_key} kept") == b"+OK"

        assert majority[0].ask("CLUSTER BUMPEPOCH").startswith(b"+")
        assert not minority[0].ask("CLUSTER BUMPEPOCH").startswith(b"+")

        hub.heal()
        wait_until(
            lambda: all(sees_well(node, nodes) for node in nodes), 90, "everybody is well again"
        )
        wait_until(lambda: agree(nodes), 30, "everybody agrees again")
        assert int(nodes[0].information()["cluster_current_epoch"]) >= epoch
        # Who is silent is looked up twice a second, and a link that broke is made anew.
        wait_until(
            lambda: majority[1].ask(f"GET {own_key}") == b"kept", 5, "a request gets across again"
        )


def sides(nodes: list[ClusterProcess]) -> tuple[list[ClusterProcess], list[ClusterProcess]]:
    """Two nodes with one voter among them, and the other three, who can go on changing the map."""
    # A node outside the log hears of its voters with a map, so with the next change at the latest.
    wait_until(lambda: max(len(voters_told(n)) for n in nodes) == 3, 20, "there are three voters")
    voters = max((voters_told(node) for node in nodes), key=len)
    own = {node.number: json.loads(node.ask("MERIDIAN CLUSTER-STATUS"))["node"] for node in nodes}
    voting = [node for node in nodes if own[node.number] in voters]
    others = [node for node in nodes if own[node.number] not in voters]
    return [voting[0], others[0]], [*voting[1:], *others[1:]]


def voters_told(node: ClusterProcess) -> list[str]:
    """The voters that a node knows."""
    voters: list[str] = json.loads(node.ask("MERIDIAN METADATA"))["voters"]
    return voters


def key_led_by(node: ClusterProcess) -> str:
    """A key whose slot this node leads."""
    for words in node.nodes().values():
        if "myself" in words[2]:
            first, _, last = words[8].partition("-")
            low, high = int(first), int(last or first)
            break
    else:
        raise AssertionError("no line is about the node itself")
    for number in range(100_000):
        slot = int(node.ask(f"CLUSTER KEYSLOT key:{number}")[1:])
        if low <= slot <= high:
            return f"key:{number}"
    raise AssertionError("no key found")
