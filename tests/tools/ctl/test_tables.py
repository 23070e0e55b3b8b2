"""Tables for people."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.ctl.tables import ID_CHARACTERS_MIN, decimals, plural, short_ids, table


def test_columns_are_as_wide_as_they_must_be() -> None:
    """Text to the left, numbers to the right, no blanks at the ends of lines."""
    text = table(("NODE", "KEYS", "NOTE"), [["a", "5", ""], ["bcdefg", "1000", "x"]])
    assert text.splitlines() == [
        "NODE    KEYS  NOTE",
        "a          5",
        "bcdefg  1000  x",
    ]


def test_a_table_may_have_no_rows() -> None:
    """Then there is only the heading."""
    assert table(("A", "B"), []) == "A  B"


@given(st.sets(st.text("0123456789abcdef-", min_size=8, max_size=36), min_size=1))
def test_short_ids_tell_ids_apart(ids: set[str]) -> None:
    """Each is a beginning of its id, long enough for people to recognise."""
    shortened = short_ids(ids)
    assert set(shortened) == ids
    assert len(set(shortened.values())) == len(ids)
    for identifier, short in shortened.items():
        assert identifier.startswith(short)
        assert len(short) >= min(ID_CHARACTERS_MIN, len(identifier))


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (0.25, "0.25"), (10.0, "10"), (1 / 3, "0.33"), (None, "inf"), (100.0, "100")],
)
def test_numbers_have_no_needless_zeros(number: float | None, text: str) -> None:
    """What JSON cannot say is null there and inf here."""
    assert decimals(number) == text
    assert number is None or math.isclose(float(text), number, rel_tol=0.02)


def test_one_node_two_nodes() -> None:
    """Counts with their nouns."""
    assert (plural(0, "node"), plural(1, "node"), plural(2, "node")) == (
        "0 nodes", "1 node", "2 nodes",
    )  # fmt: skip
