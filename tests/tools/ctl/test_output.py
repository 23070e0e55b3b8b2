"""Lines for people and for programs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tools.ctl.output import Line, quoted, readable


@given(st.binary())
def test_readable_text_is_printable_and_can_be_read_back(data: bytes) -> None:
    """Only printable ASCII comes out, and the escapes stand for exactly the bytes."""
    text = readable(data)
    assert text.isascii()
    assert text == "" or text.isprintable()
    assert text.encode("ascii").decode("unicode_escape").encode("latin-1") == data


def test_long_bytes_are_shortened_for_people() -> None:
    """64 bytes are shown; three dots say that there are more."""
    assert quoted(b"x" * 64) == '"' + "x" * 64 + '"'
    assert quoted(b"x" * 65) == '"' + "x" * 64 + '..."'


def test_json_is_one_line() -> None:
    """Line feeds in texts do not break the line."""
    line = Line("two\nlines", {"a": "two\nlines", "b": [1, None]})
    assert "\n" not in line.as_json()
    assert json.loads(line.as_json()) == {"a": "two\nlines", "b": [1, None]}
