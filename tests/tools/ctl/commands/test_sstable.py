"""`meridian-ctl sstable dump`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.ctl.directories import FIRST_SEGMENT, TABLE, damage, make_directory
from tools.ctl.__main__ import main


def test_table_tells_of_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts, sizes and versions are shown; entries only when they are asked for."""
    path = make_directory(tmp_path) / TABLE
    assert main(["sstable", "dump", str(path)]) == 0
    text = capsys.readouterr().out
    assert "table 1, written 1970-01-01T00:00:00.000Z" in text
    assert "12 entries, of which 0 tombstones" in text
    assert f"{path.stat().st_size} bytes on disk" in text
    assert "key:1" not in text


def test_entries_are_shown_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strings, collections with generation and expiry, elements and system records."""
    path = make_directory(tmp_path) / TABLE
    assert main(["sstable", "dump", "--keys", str(path)]) == 0
    text = capsys.readouterr().out
    assert all(f'"key:{number}" (slot' in text for number in range(9))
    assert 'system "keyspaces"' in text
    assert 'generation 3, element "red")' in text
    assert "= set, 0 bytes" in text
    assert "generation 3, expires 2024-01-02T03:04:05.678Z" in text


def test_json_lines_hold_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line is the metadata, the others are entries."""
    path = make_directory(tmp_path) / TABLE
    assert main(["--json", "sstable", "dump", "--keys", str(path)]) == 0
    head, *entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (head["table"], head["entries"]) == (1, 12)
    assert len(entries) == 12
    (colours,) = [
        entry for entry in entries if entry.get("key") == "colours" and "element" not in entry
    ]
    assert (colours["type"], colours["expiry_ms"]) == ("set", 1704164645678)


def test_damaged_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte that turned is found and named; nothing is printed as if it were sound."""
    path = make_directory(tmp_path) / TABLE
    damage(path, 10)
    assert main(["sstable", "dump", "--keys", str(path)]) == 1
    assert f"{TABLE} at byte 0 is damaged" in capsys.readouterr().err


def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A segment is not a table."""
    path = make_directory(tmp_path) / FIRST_SEGMENT
    assert main(["sstable", "dump", str(path)]) == 1
    assert "a table is called like table_0000000001.sst" in capsys.readouterr().err
