from __future__ import annotations

from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import OptionError
from cluster.identity import Boot, ClusterId, Endpoint, NodeId, new_id
from cluster.wire.hello import Hello, HelloError, PeerIdentity, decode_hello, encode_hello
from tests.harness.memory_peers import identity_of

ids = st.integers(0, 2**64).map(lambda seed: NodeId(new_id(Random(seed))))
versions = st.integers(1, 255)
identities = st.builds(
    lambda name, node, boot, endpoint, versions, cluster: PeerIdentity(
        name, node, boot, endpoint, min(versions), max(versions), cluster
    ),
    st.text(max_size=60),
    ids,
    st.builds(Boot, st.integers(1, 2**48 - 1), st.integers(0, 2**64 - 1)),
    st.builds(Endpoint, st.text(min_size=1, max_size=60), st.integers(1, 65535)),
    st.tuples(versions, versions),
    st.none() | ids.map(ClusterId),
)
hellos = st.builds(Hello, identities, st.binary(min_size=32, max_size=32))


@given(hellos, st.binary(max_size=10))
def test_a_hello_survives_its_bytes(hello: Hello, later: bytes) -> None:
    """Fields that a later version adds at the end are not looked at."""
    assert decode_hello(encode_hello(hello) + later) == hello


@given(hellos, st.data())
def test_a_cut_hello_is_refused(hello: Hello, data: st.DataObject) -> None:
    """Every field must be there."""
    encoded = encode_hello(hello)
    with pytest.raises(HelloError):
        decode_hello(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(st.binary(max_size=200), hellos, st.data())
def test_any_bytes_are_a_hello_or_refused(
    garbage: bytes, hello: Hello, data: st.DataObject
) -> None:
    """Garbage, and a hello with one byte changed, raise nothing else."""
    changed = bytearray(encode_hello(hello))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    for candidate in (garbage, bytes(changed)):
        try:
            decode_hello(candidate).identity.validate()
        except HelloError:
            continue


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"cluster_name": "ä" * 128}, "cluster_name"),
        ({"endpoint": Endpoint("", 1)}, "endpoint"),
        ({"protocol_min": 2, "protocol_max": 1}, "protocol_min"),
        ({"protocol_max": 256}, "protocol_min"),
    ],
)
def test_what_can_not_be_sent_is_refused_at_start(changes: dict[str, object], name: str) -> None:
    """A name that is too long would be cut off by every peer."""
    with pytest.raises(OptionError, match=name):
        evolve(identity_of(1), **changes).validate()
