"""Reading TOML files."""

from __future__ import annotations

from pathlib import Path

import pytest

from meridian_resp.config.errors import StartError
from meridian_resp.config.toml_file import parse_toml, read_toml, words_of_value

TEXT = """\
port = 7000
compaction_throughput_mb = 50
protected_mode = false
dir = "/var/lib/my data"
bind = ["127.0.0.1", "::1"]
save = ["900 1", "300 10"]
bloom_bits_per_level = [10, 14]
"""


def test_keys_become_assignments(tmp_path: Path) -> None:
    """Keys have underscores; a text is one word, the texts of a list are split."""
    file = tmp_path / "meridian.toml"
    file.write_text(TEXT)
    assert {it.name: it.arguments for it in read_toml(file)} == {
        "port": ("7000",),
        "compaction-throughput-mb": ("50",),
        "protected-mode": ("no",),
        "dir": ("/var/lib/my data",),
        "bind": ("127.0.0.1", "::1"),
        "save": ("900", "1", "300", "10"),
        "bloom-bits-per-level": ("10", "14"),
    }


@pytest.mark.parametrize(
    "text", ["[section]\nport = 1\n", "port = 2026-01-01\n", "bind = [[1]]\n", 'bind = ["\\""]']
)
def test_values_without_meaning_are_refused(text: str) -> None:
    """Tables, dates, lists of lists and open quotes are no values of an option."""
    with pytest.raises(StartError, match="must be a number, a text, true, false or a list"):
        parse_toml(text, "x")


@pytest.mark.parametrize("text", ["port 7401", "port = ", "port = 1\nport = 2", "\udcff"])
def test_other_texts_are_refused(text: str) -> None:
    """What is not TOML is refused with the place of the mistake."""
    with pytest.raises(StartError, match="x is not a TOML file"):
        parse_toml(text, "x")


def test_empty_lists_and_texts_are_an_empty_word() -> None:
    """Nothing in a list is what an empty text is in redis.conf."""
    assert words_of_value([]) == words_of_value("") == words_of_value([""]) == ("",)
