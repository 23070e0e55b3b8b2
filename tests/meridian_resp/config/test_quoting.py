"""Splitting lines into words and quoting words, as Redis does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.quoting import UnbalancedQuotesError, quote, split_words

WORDS = st.binary().map(lambda octets: octets.decode("utf-8", "surrogateescape"))


@given(st.lists(WORDS))
def test_quoted_words_are_split_again(words: list[str]) -> None:
    """Any words, of any bytes, survive being written in a line."""
    assert split_words(" ".join(map(quote, words))) == words


@given(WORDS)
def test_quoted_words_stay_in_one_line(word: str) -> None:
    """A quoted word is printable ASCII, so that no editor breaks it."""
    assert quote(word).isascii()
    assert quote(word).isprintable()


@pytest.mark.parametrize("word", ["127.0.0.1", "-2", "*", "$2a", "64mb", "a=b"])
def test_plain_words_are_not_quoted(word: str) -> None:
    """Words that need no quotes get none."""
    assert quote(word) == word


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  port   7401\t", ["port", "7401"]),
        (r'requirepass "a b\x41\n\"q"', ["requirepass", 'a bA\n"q']),
        (r"requirepass 'it\'s \n'", ["requirepass", r"it's \n"]),
        ('save ""', ["save", ""]),
        ("x ''", ["x", ""]),
        (r'x "\xff\q\xzz"', ["x", "\udcffqxzz"]),
        ('a"b c"', ["ab c"]),
    ],
)
def test_lines_are_split_as_by_redis(line: str, words: list[str]) -> None:
    """Escapes hold in double quotes; single quotes know only their own."""
    assert split_words(line) == words


@pytest.mark.parametrize("line", ['hz "10', "hz '10", 'hz "10"x', "hz '10'x", 'hz "10\\"'])
def test_unbalanced_quotes_are_refused(line: str) -> None:
    """An open quote, or text right after a closed one, is a mistake."""
    with pytest.raises(UnbalancedQuotesError):
        split_words(line)


@given(st.text())
def test_any_line_is_split_or_refused(line: str) -> None:
    """No text makes the splitter fail in another way."""
    try:
        words = split_words(line)
    except UnbalancedQuotesError:
        return
    assert split_words(" ".join(map(quote, words))) == words
