"""`meridian-ctl verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.filenames import CURRENT, LOCK
from storage.os_files import OsFileSystem
from tests.tools.ctl.directories import (
    FIRST_SEGMENT,
    LAST_SEGMENT,
    TABLE,
    damage,
    first_record_position,
    make_directory,
)
from tools.ctl.__main__ import main


def test_sound_directory_is_intact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file is named, and nothing in the directory changes but the lock."""
    make_directory(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["verify", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert f"ok       {TABLE}: 12 entries" in text
    assert f"ok       {FIRST_SEGMENT}: 2 batches" in text
    assert f"ok       {LAST_SEGMENT}: 2 batches" in text
    assert text.endswith("everything is intact\n")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != LOCK}
    assert before == after


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 0.999])
def test_any_damaged_byte_of_a_table_is_found(
    share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Blocks, filter, index and footer are all covered by checksums."""
    path = make_directory(tmp_path) / TABLE
    damage(path, int(path.stat().st_size * share))
    assert main(["verify", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert f"DAMAGED  {TABLE}" in printed.out
    assert printed.err == f"meridian-ctl: {tmp_path}: 1 damaged\n"


def test_missing_table_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest knows which tables there must be."""
    (make_directory(tmp_path) / TABLE).unlink()
    assert main(["verify", str(tmp_path)]) == 1
    assert f"DAMAGED  {TABLE}: " in capsys.readouterr().out


def test_damaged_manifest_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a manifest nobody knows what the rest should be."""
    (make_directory(tmp_path) / CURRENT).write_bytes(b"nonsense\n")
    assert main(["verify", str(tmp_path), "--json"]) == 1
    (document,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (document["file"], document["ok"]) == ("manifest", False)


def test_damage_inside_the_log_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A segment that does not reach the one behind it has lost something."""
    damage(make_directory(tmp_path) / FIRST_SEGMENT, first_record_position())
    assert main(["verify", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert f"DAMAGED  {FIRST_SEGMENT}: after 0 batches, at byte 40" in text
    assert f"ok       {LAST_SEGMENT}" in text


def test_segment_that_ends_early_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zeros where records were are no clean end when a later segment says how far they went."""
    path = make_directory(tmp_path) / FIRST_SEGMENT
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes(len(data) - 40))
    assert main(["verify", str(tmp_path)]) == 1
    assert "it ends at offset 0, the next begins at" in capsys.readouterr().out


def test_torn_end_of_the_log_is_no_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a crash cut off in the newest segment was never durable."""
    path = make_directory(tmp_path) / LAST_SEGMENT
    end = len(path.read_bytes().rstrip(b"\x00"))
    damage(path, end - 5)
    assert main(["verify", str(tmp_path)]) == 0
    assert "a write cut off by a crash; the next start drops it" in capsys.readouterr().out


def test_directory_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of a running server come and go; it would be accused of nothing."""
    make_directory(tmp_path)
    lock = OsFileSystem(str(tmp_path)).lock(LOCK)
    try:
        assert main(["verify", str(tmp_path)]) == 1
    finally:
        lock.release()
    assert "is in use by another process" in capsys.readouterr().err


def test_other_directories_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty directory is not intact data, and a missing one is not created."""
    assert main(["verify", str(tmp_path)]) == 1
    assert "no data of Meridian in it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert main(["verify", str(tmp_path / "none")]) == 1
    assert "no such directory" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
