"""Splitting of inline commands: every quoting rule by example, and any argument round trip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.protocol.inline import split_inline


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        (b"", []),
        (b" \t\v\f\r ", []),
        (b"PING", [b"PING"]),
        (b"  set   a\tb  ", [b"set", b"a", b"b"]),
        (b'set a "b c"', [b"set", b"a", b"b c"]),
        (b"set a 'b c'", [b"set", b"a", b"b c"]),
        (b'a"b c"', [b"ab c"]),
        (b"a'b c'", [b"ab c"]),
        (b"\"\" ''", [b"", b""]),
        (b'"\\n\\r\\t\\b\\a"', [b"\n\r\t\b\a"]),
        (b'"\\x41\\xfF\\x00"', [b"A\xff\x00"]),
        (b'"\\x4"', [b"x4"]),
        (b'"\\xg1"', [b"xg1"]),
        (b'"\\\\ \\" \\q"', [b'\\ " q']),
        (b"'\\n \\' \\x41'", [b"\\n ' \\x41"]),
        (b"'it\\'s'", [b"it's"]),
        (b"\\n", [b"\\n"]),
        (b"a\vb\fc", [b"a\vb\fc"]),
        (b'"a"\v"b"', [b"a", b"b"]),
        (b"caf\xe9 \xff", [b"caf\xe9", b"\xff"]),
    ],
)
def test_arguments(line: bytes, arguments: list[bytes]) -> None:
    """Blanks separate; double quotes know escapes; single quotes know only their own."""
    assert split_inline(line) == arguments


@pytest.mark.parametrize(
    "line",
    [b'"', b"'", b'"a', b"'a", b'a "b', b'"a"b', b"'a'b", b'"a""b"', b'"a\\"', b"'a\\'", b'"\\'],
)
def test_unbalanced_quotes(line: bytes) -> None:
    """A quote that never closes, or closes before something other than a blank, is refused."""
    assert split_inline(line) is None


def quote(argument: bytes, style: str) -> bytes:
    """An argument in one of the three spellings, each able to carry it."""
    if style == "hexadecimal":
        return b'"' + b"".join(b"\\x%02x" % byte for byte in argument) + b'"'
    if style == "single" and not argument.endswith(b"\\") and b"\\'" not in argument:
        return b"'" + argument.replace(b"'", b"\\'") + b"'"
    return b'"' + argument.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@given(
    st.lists(
        st.tuples(st.binary(max_size=8), st.sampled_from(["hexadecimal", "single", "double"]))
    ),
    st.sampled_from([b" ", b"\t", b"  ", b" \v"]),
)
def test_quoted_arguments_come_back(pairs: list[tuple[bytes, str]], blank: bytes) -> None:
    """Whatever is quoted by the rules is split into what it was."""
    line = blank.join(quote(argument, style) for argument, style in pairs)
    assert split_inline(line) == [argument for argument, _ in pairs]


@given(st.lists(st.sampled_from(list(b"\\\"'xn4 \t\va")), max_size=30).map(bytes))
def test_any_line_is_split_or_refused(line: bytes) -> None:
    """No line of quotes and backslashes raises; a bare line without them splits at blanks."""
    arguments = split_inline(line)
    if not set(line) & set(b"\\\"'\v"):
        assert arguments == line.split()
