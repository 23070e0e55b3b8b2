"""docs/protocols/peer.md is executed: its examples are what is said, its tables are the code."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import evolve

from cluster.transport.options import TransportOptions
from cluster.wire import handshake
from cluster.wire.frames import encode_frame
from cluster.wire.handshake import Refusal
from cluster.wire.messages import ClusterHello, encode_message
from cluster.wire.seal import OVERHEAD_BYTES
from tests.harness import peer_captures

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "protocols" / "peer.md").read_text(
    encoding="utf-8"
)


def example(name: str) -> bytes:
    """The bytes of one example."""
    (block,) = re.findall(rf"^```hex {name}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return bytes.fromhex(block)


def rows_below(title: str) -> list[list[str]]:
    """The rows of the first table below a title, without its head."""
    section = re.split(r"^## ", TEXT.split(f"## {title}\n", 1)[1], flags=re.MULTILINE)[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_example_of_a_handshake() -> None:
    """Four steps, byte by byte."""
    names = ("initiator-hello", "acceptor-hello", "initiator-proof", "acceptor-proof")
    assert [example(name) for name in names] == [data for _, data in peer_captures.conversation()]


def test_the_example_of_a_frame() -> None:
    """A ClusterHello, as the text says."""
    message = ClusterHello(b"\xcc" * 16, held_keys=True, is_reply=False)
    assert encode_frame(encode_message(message)) == example("frame")


def test_the_example_of_a_datagram() -> None:
    """Sealed by node 1 with its first number."""
    assert dict(peer_captures.captures())["datagram"] == example("datagram")


def test_the_table_of_messages_is_complete() -> None:
    """Tags, names and fields, in order; written by `python -m tests.harness.peer_captures`."""
    assert peer_captures.table() in TEXT
    assert len(rows_below("Messages")) == len(peer_captures.kinds())


def test_the_table_of_refusals_is_complete() -> None:
    """Words and codes."""
    shown = {row[0]: row[1] for row in rows_below("Handshake")}
    codes = {reason.value: str(code) for reason, code in handshake._CODES.items()}
    assert shown == {reason.value: codes.get(reason.value, "-") for reason in Refusal}


def test_the_figures_are_those_of_the_options() -> None:
    """Where the text names a bound, it is the default."""
    named = evolve(
        TransportOptions(),
        queue_bytes_max=64 << 20,
        read_bytes_max=256 << 10,
        handshake_timeout_s=5.0,
        back_off_min_s=0.1,
        back_off_max_s=10.0,
        jitter=0.5,
        keepalive_s=5.0,
        silence_s=20.0,
        idle_s=300.0,
        pending_max=64,
        links_max=4096,
    )
    assert named == TransportOptions()
    assert f"{OVERHEAD_BYTES} bytes of a datagram are its seal" in TEXT
