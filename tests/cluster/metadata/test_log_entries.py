"""Commands in the log: the bytes are fixed, and a later version is not guessed at."""

from __future__ import annotations

import pytest

from cluster.errors import ClusterError
from cluster.map.codec import encode_command
from cluster.map.commands import SetSetting
from cluster.metadata.log_entries import (
    LogEntry,
    LogEntryError,
    decode_log_entry,
    encode_log_entry,
)

COMMAND = SetSetting("name", "value")


def test_a_command_and_its_id_survive() -> None:
    """Everybody applies what was proposed, under the id of the proposal."""
    data = encode_log_entry(77, encode_command(COMMAND))
    assert decode_log_entry(data) == LogEntry(77, COMMAND)


def test_the_header_of_version_1_holds() -> None:
    """Entries of this version lie in journals."""
    assert (
        encode_log_entry(0x0102, b"command") == bytes.fromhex("01 0000000000000102") + b"command"
    )


def test_an_entry_of_a_later_version_stops_the_log() -> None:
    """Whoever skipped it would hold another map than the others."""
    with pytest.raises(LogEntryError, match="version 2"):
        decode_log_entry(b"\x02" + bytes(8))


def test_a_command_that_cannot_be_read_is_an_error_of_the_cluster() -> None:
    """It is caught by its base class where it arrives from outside."""
    with pytest.raises(ClusterError):
        decode_log_entry(encode_log_entry(1, b"no command"))
