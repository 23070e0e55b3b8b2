"""Who a node is, on disk."""

from __future__ import annotations

import errno
from random import Random

import pytest

from cluster.identity import Boot, NodeId
from cluster.identity_store import (
    Identity,
    decode_identity,
    encode_identity,
    load_identity,
    read_identity,
)
from storage.codec import checksum
from storage.errors import CorruptionError, FormatVersionError
from tests.harness.crashable_files import MODES, CrashableFileSystem, SimulatedCrash
from tests.harness.failing_files import FailWhile, crash_at
from tests.tidy.sources import ROOT

NODE = NodeId("01234567-89ab-4cde-8f01-23456789abcd")
THIRD_LIFE = Identity(NODE, Boot(3, 0x1122334455667788))


def test_round_trip() -> None:
    """What is written is read, up to the largest numbers."""
    for identity in (THIRD_LIFE, Identity(NODE, Boot((1 << 63) - 1, (1 << 64) - 1))):
        assert decode_identity(encode_identity(identity)) == identity


def test_the_documented_file() -> None:
    """The example of the document is what this version writes."""
    document = ROOT / "docs" / "formats" / "cluster-journal.md"
    assert f"```text\n{encode_identity(THIRD_LIFE).decode()}```" in document.read_text(
        encoding="utf-8"
    )


def test_every_byte_is_checked() -> None:
    """A changed bit anywhere, or a cut, is damage: a wrong id would be another node's."""
    data = encode_identity(THIRD_LIFE)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1
        for wrong in (bytes(damaged), data[:position]):
            with pytest.raises(CorruptionError, match="cluster/node is damaged"):
                decode_identity(wrong)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (b"meridian-node 2\nanything\n", FormatVersionError),
        (b"", CorruptionError),
        (b"meridian-node 1\nid nobody\n", CorruptionError),
        (b"meridian-node 1\xff\n", CorruptionError),
    ],
)
def test_what_checks_but_says_something_else(given: bytes, error: type[Exception]) -> None:
    """A later version is told apart from nonsense."""
    with pytest.raises(error):
        decode_identity(given + b"crc32c %08x\n" % checksum(given))


def test_a_restart_keeps_the_id_and_counts() -> None:
    """The generation grows by one per start, and the nonce is another one."""
    files, rng = CrashableFileSystem(), Random(1)
    first = load_identity(files, rng)
    second = load_identity(files, rng)
    assert first.boot.generation == 1
    assert second.node == first.node
    assert second.boot.generation == 2 and second.boot.nonce != first.boot.nonce
    assert read_identity(files) == second


def test_clones_differ_by_their_nonces() -> None:
    """Two copies of a directory go on as the same generation; the nonce tells them apart."""
    files = CrashableFileSystem()
    load_identity(files, Random(1))
    copies = [files.crash_clone(Random(1), "kept") for _ in range(2)]
    one, other = (load_identity(copy, Random(seed)) for seed, copy in enumerate(copies))
    assert (one.node, one.boot.generation) == (other.node, other.boot.generation)
    assert one.boot.nonce != other.boot.nonce


def test_a_life_begins_when_it_is_durable() -> None:
    """An error means that nothing was begun: the next start has the same number."""
    files, rng = CrashableFileSystem(), Random(1)
    load_identity(files, rng)
    files.on_call = fault = FailWhile(errno.EIO, lambda operation, name: operation == "sync")
    with pytest.raises(OSError, match="Input/output"):
        load_identity(files, rng)
    fault.active = False
    assert load_identity(files, rng).boot.generation == 2


def test_no_boot_is_used_twice() -> None:
    """A power cut at any call: what was used in a former life is never used again."""
    for number in range(1, 40):
        files, rng = CrashableFileSystem(), Random(number)
        used: list[Identity] = []
        files.on_call = crash_at(number)
        try:
            for _ in range(5):
                used.append(load_identity(files, rng))
        except SimulatedCrash:
            files.on_call = None
        for mode in MODES:
            found = load_identity(files.crash_clone(Random(number), mode), Random(number + 1))
            boots = [identity.boot.generation for identity in used if identity.node == found.node]
            assert found.boot.generation > max(boots, default=0)
            assert boots or not used, f"call {number}, {mode}: the id was forgotten"
