from __future__ import annotations

from meridian_resp.commands.cluster_picture import picture
from meridian_resp.commands.cluster_texts import nodes_text, shards_reply, slots_reply
from meridian_resp.commands.slot_marks import SlotMarks
from meridian_resp.protocol.replies import encode
from tests.harness.fake_cluster import FakeCluster, map_of, member

SLOTS = {1: "0-99 300", 2: "100-299", 3: "301-16383"}


def seen_by(number: int) -> FakeCluster:
    """A node of the cluster of three."""
    port = FakeCluster(number)
    port.views = [member(other) for other in SLOTS]
    port.set_map(map_of(SLOTS))
    return port


def test_all_nodes_print_the_same_slots() -> None:
    """`redis-cli --cluster` waits until these texts are equal, byte by byte."""
    signatures = set()
    for number in SLOTS:
        text = nodes_text(picture(seen_by(number), 0).nodes, SlotMarks())
        lines = [line.split(" ") for line in text.splitlines()]
        assert all(len(fields) >= 8 for fields in lines)
        assert sum("myself" in fields[2] for fields in lines) == 1
        signatures.add("|".join(sorted(f"{line[0]}:{','.join(line[8:])}" for line in lines)))
    assert len(signatures) == 1


def test_slots_and_shards_are_the_same_everywhere() -> None:
    """Clients ask any node."""
    for make in (slots_reply, shards_reply):
        replies = {encode(make(picture(seen_by(number), 0)), 2) for number in SLOTS}
        assert len(replies) == 1
