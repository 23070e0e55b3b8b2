"""KEYS with any pattern, SCAN with its guarantees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat_tests.raw_client import RawClient, encode_argument

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

STEPS_MAX = 10_000

#: Keys made of everything that a pattern treats specially.
TRICKY_KEYS = (
    b"",
    b"a",
    b"b",
    b"A",
    b"ab",
    b"abc",
    b"aab",
    b"a*",
    b"a?",
    b"[a]",
    b"]",
    b"[",
    b"^",
    b"-",
    b"a-c",
    b"\\",
    b"a\\b",
    b"*",
    b"**",
    b"?",
    b"a\nb",
    b"\x00",
    b"\xff",
    b"\xc3\xa9",
    b"!a",
)
PATTERNS = st.text("*?[]^-\\abc!", max_size=8)
RAW_PATTERNS = st.lists(
    st.sampled_from(
        [b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"\xff", b"\x00", b"\n"]
    ),
    max_size=8,
).map(b"".join)


def scanned(client: RawClient, *options: Argument) -> list[bytes]:
    """Return the keys of a full SCAN iteration, repetitions included."""
    cursor: bytes = b"0"
    found: list[bytes] = []
    for _ in range(STEPS_MAX):
        cursor, keys = client.value("SCAN", cursor, *options)
        found += keys
        if cursor == b"0":
            return found
    raise AssertionError(f"SCAN did not come back to 0 within {STEPS_MAX} steps")


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "",
        "a*",
        "*a",
        "a?",
        "?",
        "??",
        "[ab]",
        "[^a]",
        "[!a]",
        "[a-c]",
        "[c-a]",
        "[]",
        "[",
        "[a",
        "[a-",
        "[^",
        "a\\",
        "\\*",
        "\\",
        "[\\]]",
        "[]]",
        "**",
        "*?*",
        "[a-]",
        "[-a]",
        "[\\a-c]",
        "a**b",
        "[^\\",
        b"\xff",
        b"\x00*",
    ],
)
def test_keys_by_pattern(both2: Both, pattern: Argument) -> None:
    """A pattern finds the same keys, by KEYS and by SCAN MATCH."""
    both2.do("MSET", *(part for key in TRICKY_KEYS for part in (key, "1")))
    found = both2.unordered("KEYS", pattern)
    for client in (both2.redis, both2.meridian):
        assert sorted(found) == sorted(scanned(client, "MATCH", pattern))


def test_keys_by_random_patterns(both2: Both) -> None:
    """Patterns made by Hypothesis, well formed or not, find the same keys."""
    both2.do("MSET", *(part for key in TRICKY_KEYS for part in (key, "1")))

    @given(st.one_of(PATTERNS.map(str.encode), RAW_PATTERNS))
    def check(pattern: bytes) -> None:
        both2.unordered("KEYS", pattern)

    check()


def test_patterns_do_not_explode(both2: Both) -> None:
    """A pattern of many stars on a long key is answered quickly, with the same result."""
    both2.do("SET", "a" * 200, "1")
    both2.do("KEYS", "a*" * 3 + "b")
    both2.do("KEYS", "*" * 100 + "a")
    both2.do("KEYS", "a*" * 3)


@pytest.mark.parametrize("count", [0, 1, 10, 333])
@pytest.mark.parametrize("options", [(), ("COUNT", 1), ("COUNT", 7), ("COUNT", 100_000)], ids=str)
def test_scan_finds_every_key(both2: Both, count: int, options: tuple[Argument, ...]) -> None:
    """An iteration over an unchanged database returns exactly its keys."""
    expected = {f"key:{index}".encode() for index in range(count)}
    if expected:
        both2.do("MSET", *(part for key in expected for part in (key, "1")))
    for client in (both2.redis, both2.meridian):
        assert expected == set(scanned(client, *options))


def test_scan_with_match_and_type(both2: Both) -> None:
    """MATCH and TYPE filter; an unknown type matches nothing."""
    both2.do("MSET", *(part for index in range(100) for part in (f"k{index}", "1")))
    for options in (
        ("MATCH", "k1*"),
        ("MATCH", "k1*", "COUNT", 3),
        ("TYPE", "string"),
        ("TYPE", "STRING"),
        ("TYPE", "list"),
        ("TYPE", "nothing"),
        ("TYPE", "string", "MATCH", "*9", "COUNT", 1000),
        ("match", "k2", "MATCH", "k3"),
        ("COUNT", 1, "COUNT", 50),
    ):
        results = [sorted(scanned(client, *options)) for client in (both2.redis, both2.meridian)]
        assert results[0] == results[1], options


def test_scan_guarantees_during_changes(both2: Both) -> None:
    """Keys that live through the whole iteration are returned, whatever happens to others."""
    stay = {f"stay:{index}".encode() for index in range(200)}
    both2.do("MSET", *(part for key in stay for part in (key, "1")))
    both2.do("MSET", *(part for index in range(200) for part in (f"go:{index}", "1")))
    for client in (both2.redis, both2.meridian):
        cursor, found = b"0", []
        for step in range(STEPS_MAX):
            cursor, keys = client.value("SCAN", cursor, "COUNT", 5)
            found += keys
            if cursor == b"0":
                break
            client.do("DEL", f"go:{step}")
            client.do("SET", f"new:{step}", "1")
            client.do("SET", f"stay:{step % 200}", "changed")
        assert cursor == b"0"
        assert stay <= set(found)
        assert all(key.startswith((b"stay:", b"go:", b"new:")) for key in found)


def test_scan_does_not_return_expired_keys(both2: Both) -> None:
    """A key whose moment has passed is not returned."""
    both2.do("SET", "gone", "1", "PX", "1")
    both2.do("SET", "here", "1")
    both2.do("SET", "probe", "1", "PX", "2")
    both2.eventually(0, "EXISTS", "probe")
    for client in (both2.redis, both2.meridian):
        assert scanned(client) == [b"here"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("abc",),
        ("-1",),
        ("1.5",),
        (" 0",),
        ("0", "COUNT", "0"),
        ("0", "COUNT", "-1"),
        ("0", "COUNT", "abc"),
        ("0", "COUNT"),
        ("0", "MATCH"),
        ("0", "TYPE"),
        ("0", "foo"),
        ("0", "foo", "bar"),
        ("0", "COUNT", "9223372036854775808"),
        ("18446744073709551616",),
        (),
    ],
    ids=str,
)
def test_scan_errors(both: Both, arguments: tuple[Argument, ...]) -> None:
    """What SCAN cannot read it refuses with the same text."""
    both.do("SCAN", *arguments)


def test_scan_of_an_empty_database(both: Both) -> None:
    """Each reply is a cursor and an array; the iteration ends without a key."""
    for options in ((), ("COUNT", "1000"), ("MATCH", "nothing", "COUNT", "1000")):
        for client in (both.redis, both.meridian):
            cursor, keys = client.value("SCAN", "0", *options)
            assert isinstance(cursor, bytes)
            assert keys == []
            assert scanned(client, *options) == []


def test_scan_is_per_database(both2: Both) -> None:
    """An iteration sees the keys of its own database only."""
    for database in (0, 3):
        both2.do("SELECT", database)
        both2.do("MSET", *(encode_argument(f"{database}:{index // 2}") for index in range(100)))
    for database in (0, 3):
        both2.do("SELECT", database)
        for client in (both2.redis, both2.meridian):
            assert all(key.startswith(b"%d:" % database) for key in scanned(client))
