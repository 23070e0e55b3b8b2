"""`meridian-ctl wal dump`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.ctl.directories import (
    FIRST_SEGMENT,
    LAST_SEGMENT,
    TABLE,
    VERSION,
    damage,
    first_record_position,
    make_directory,
)
from tools.ctl.__main__ import main


def test_batches_are_shown_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys, values, versions and delete-ranges can be read; odd bytes are escaped."""
    path = make_directory(tmp_path) / FIRST_SEGMENT
    assert main(["wal", "dump", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "segment 1, begins at offset 0 of the log"
    assert lines[1].endswith(": 2 effects, partition 0, term 0, sequence 0")
    assert 'put "a\\x00\\xff"' in lines[2]
    assert '13 bytes "quote \\" and \\xfe", version 2024-01-02T03:04:05.678Z/9' in lines[2]
    assert 'put "gone"' in lines[3]
    assert "keyspace 2) = tombstone, version" in lines[3]
    assert "delete-range 0001 .. 0002" in lines[5]
    assert lines[-1].startswith("2 batches")
    assert lines[-1].endswith("ends cleanly")


def test_json_lines_hold_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is a document of its own; --json may stand behind the command."""
    path = make_directory(tmp_path) / FIRST_SEGMENT
    assert main(["wal", "dump", str(path), "--json"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert documents[0] == {"segment": 1, "base_offset": 0}
    put = documents[2]
    assert (put["op"], put["key"], put["version"]) == ("put", "a\\x00\\xff", VERSION)
    assert documents[5]["op"] == "delete-range"
    assert documents[-1]["damage"] is None


def test_damage_is_shown_after_what_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells of damage, and the text where it is."""
    path = make_directory(tmp_path) / FIRST_SEGMENT
    damage(path, first_record_position())
    assert main(["wal", "dump", str(path)]) == 1
    printed = capsys.readouterr()
    assert "0 batches" in printed.out
    assert "from byte 40 on: the record's checksum" in printed.err


@pytest.mark.parametrize("name", [TABLE, "segment.wal"])
def test_other_files_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no segment is not read as one."""
    path = make_directory(tmp_path) / name
    path.touch()
    assert main(["wal", "dump", str(path)]) == 1
    assert "a segment is called like segment_0000000001.wal" in capsys.readouterr().err


def test_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no new directory."""
    path = tmp_path / "none" / FIRST_SEGMENT
    assert main(["wal", "dump", str(path)]) == 1
    assert capsys.readouterr().err == f"meridian-ctl: {path}: no such file\n"
    assert not path.parent.exists()


def test_several_segments_are_shown_in_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`data/*.wal` works; a reserved segment without a header is no damage."""
    directory = make_directory(tmp_path)
    reserved = directory / "segment_0000000003.wal"
    reserved.write_bytes(bytes(4096))
    paths = [str(directory / name) for name in (FIRST_SEGMENT, LAST_SEGMENT)]
    assert main(["wal", "dump", *paths, str(reserved)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("segment ")][1].startswith("segment 2,")
    assert lines[-1] == "segment_0000000003.wal: reserved, not used yet"
