"""Types of values: what is read, what is refused with which text, and that writing inverts it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian_resp.config.choices import AppendFsync
from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.toml_file import words_of_value
from meridian_resp.config.values import (
    INT64_MAX,
    AddressesType,
    ChoiceType,
    IntegersType,
    IntegerType,
    MemoryType,
    OctalType,
    SecretType,
    SwitchType,
    TextType,
    ValueType,
    format_memory,
    parse_integer,
    parse_memory,
)


def check_round_trip(value_type: ValueType[Any], value: Any) -> None:
    """All written forms of a value give it back: lines, CONFIG GET's text and TOML."""
    parsed: Any = None
    for line in value_type.lines(value):
        again = value_type.parse(line, value)
        parsed = again if parsed is None else value_type.combine(parsed, again)
    assert parsed == value
    text = value_type.format(value)
    words = text.split(" ") if value_type.several else [text]
    assert value_type.parse(words, value) == value
    toml_words = words_of_value(value_type.toml(value))
    assert toml_words is not None
    assert value_type.parse(toml_words, value) == value


@given(st.integers(-INT64_MAX - 1, INT64_MAX))
def test_integers_round_trip(number: int) -> None:
    """Every 64-bit number is read back from all forms it is written in."""
    check_round_trip(IntegerType(-INT64_MAX - 1, INT64_MAX), number)


@pytest.mark.parametrize("text", ["", " 1", "1 ", "+1", "01", "1.0", "0x10", "-0", "one", "²"])
def test_integers_are_read_strictly(text: str) -> None:
    """What Redis does not take for a number is refused with Redis' words."""
    with pytest.raises(ValueRefusedError, match="couldn't be parsed into an integer"):
        parse_integer(text)


def test_integers_beyond_64_bits_are_not_numbers() -> None:
    """Redis' parser has 64 bits; what does not fit is no number."""
    assert parse_integer(str(INT64_MAX)) == INT64_MAX
    with pytest.raises(ValueRefusedError, match="couldn't be parsed"):
        parse_integer(str(INT64_MAX + 1))


def test_bounds_are_named() -> None:
    """A number outside its bounds is refused with both bounds in the text."""
    with pytest.raises(ValueRefusedError) as refused:
        IntegerType(0, 65535).parse(["70000"], 0)
    assert str(refused.value) == "argument must be between 0 and 65535 inclusive"


@given(st.integers(0, 10**6))
def test_clamped_integers_are_pulled_into_their_range(number: int) -> None:
    """A clamped type takes any number of its bounds and gives one of the narrower range."""
    clamped = IntegerType(0, 10**6, clamp=(1, 500)).parse([str(number)], 10)
    assert clamped == min(max(number, 1), 500)


@pytest.mark.parametrize("arguments", [[], ["1", "2"]])
@pytest.mark.parametrize(
    ("value_type", "current"),
    [
        (IntegerType(0, 9), 1),
        (OctalType(), 1),
        (MemoryType(0, 9), 1),
        (SwitchType(), True),
        (TextType("PATH"), ""),
        (SecretType(), b""),
    ],
)
def test_single_values_take_one_word(
    value_type: ValueType[Any], current: Any, arguments: list[str]
) -> None:
    """None or two words for a single value are refused."""
    with pytest.raises(ValueRefusedError, match="wrong number of arguments"):
        value_type.parse(arguments, current)


@given(st.integers(0, INT64_MAX))
def test_sizes_round_trip(size_bytes: int) -> None:
    """Every size is read back, with and without a unit."""
    check_round_trip(MemoryType(0, INT64_MAX), size_bytes)
    assert parse_memory(format_memory(size_bytes)) == size_bytes


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("100", 100),
        ("010", 10),
        ("1b", 1),
        ("1k", 1000),
        ("1kb", 1024),
        ("1M", 1000**2),
        ("1Mb", 1024**2),
        ("2g", 2 * 1000**3),
        ("2GB", 2 * 1024**3),
    ],
)
def test_sizes_have_redis_units(text: str, size_bytes: int) -> None:
    """Units are Redis': k, m and g count in thousands, kb, mb and gb in 1024s, in any case."""
    assert parse_memory(text) == size_bytes


@pytest.mark.parametrize("text", ["", "b", "-5", "1zb", "1.5mb", "10%", "1 mb", "9" * 30])
def test_sizes_of_another_form_are_refused(text: str) -> None:
    """Signs, fractions, spaces, unknown units and what 64 bits do not hold are refused."""
    with pytest.raises(ValueRefusedError) as refused:
        parse_memory(text)
    assert str(refused.value) == "argument must be a memory value"


@given(st.integers(0, 0o777))
def test_octal_numbers_round_trip(mode: int) -> None:
    """Permissions are written and read in octal."""
    check_round_trip(OctalType(), mode)


def test_octal_numbers_are_bounded() -> None:
    """Digits 8 and 9 are no octal number; more than 777 is out of bounds."""
    with pytest.raises(ValueRefusedError, match="couldn't be parsed as an octal number"):
        OctalType().parse(["888"], 0)
    with pytest.raises(ValueRefusedError, match="between 0 and 777 inclusive"):
        OctalType().parse(["1777"], 0)


@given(st.booleans())
def test_switches_round_trip(value: bool) -> None:
    """Yes and no are written and read."""
    check_round_trip(SwitchType(), value)


def test_switches_take_two_words_in_any_case() -> None:
    """Only yes and no are words of a switch."""
    assert SwitchType().parse(["YES"], False) is True
    with pytest.raises(ValueRefusedError, match="argument must be 'yes' or 'no'"):
        SwitchType().parse(["1"], False)


@given(st.sampled_from(AppendFsync))
def test_choices_round_trip(member: AppendFsync) -> None:
    """Every member is written and read."""
    check_round_trip(ChoiceType(AppendFsync), member)


def test_choices_list_their_words() -> None:
    """Any case is taken; another word is refused with all members in Redis' order."""
    choice = ChoiceType(AppendFsync)
    assert choice.parse(["ALWAYS"], AppendFsync.NO) is AppendFsync.ALWAYS
    with pytest.raises(ValueRefusedError) as refused:
        choice.parse(["sometimes"], AppendFsync.NO)
    expected = "argument(s) must be one of the following: everysec, always, no"
    assert str(refused.value) == expected


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_texts_round_trip(text: str) -> None:
    """A text is what it is."""
    check_round_trip(TextType("PATH"), text)


def test_texts_hold_no_nul() -> None:
    """A NUL cannot be part of a path."""
    with pytest.raises(ValueRefusedError):
        TextType("PATH").parse(["a\0b"], "")


@given(st.binary())
def test_secrets_keep_any_bytes(secret: bytes) -> None:
    """A password may be any bytes, also such as are no UTF-8."""
    secret_type = SecretType()
    assert secret_type.parse([secret_type.format(secret)], b"") == secret


ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses().map(lambda address: f"-{address}"),
    st.sampled_from(["*", "::*", "-::*", "localhost", "db-1.example.org"]),
)


@given(st.lists(ADDRESSES, max_size=16).map(tuple))
def test_addresses_round_trip(addresses: tuple[str, ...]) -> None:
    """Up to 16 addresses of all kinds are written and read."""
    check_round_trip(AddressesType(), addresses)


@pytest.mark.parametrize("word", ["300.1.1.1", "1.2.3", "a b", "host_!", "-", "1:2"])
def test_addresses_nobody_can_have_are_refused(word: str) -> None:
    """Numbers that are no address, and names that are none, are refused."""
    with pytest.raises(ValueRefusedError, match="Failed to bind to specified addresses"):
        AddressesType().parse([word], ())


def test_addresses_are_bounded() -> None:
    """A seventeenth address is refused."""
    with pytest.raises(ValueRefusedError, match="Too many bind addresses specified"):
        AddressesType().parse(["127.0.0.1"] * 17, ())


@given(st.lists(st.integers(0, 64), min_size=1, max_size=16).map(tuple))
def test_lists_of_integers_round_trip(numbers: tuple[int, ...]) -> None:
    """One number per level, within its bounds."""
    check_round_trip(IntegersType(0, 64, count_max=16), numbers)


def test_lists_of_integers_are_bounded() -> None:
    """No number, too many, or one out of bounds are refused."""
    bits = IntegersType(0, 64, count_max=3)
    for arguments in ([], ["1"] * 4):
        with pytest.raises(ValueRefusedError, match="wrong number of arguments"):
            bits.parse(arguments, ())
    with pytest.raises(ValueRefusedError, match="between 0 and 64 inclusive"):
        bits.parse(["10", "65"], ())


def test_expectations_name_the_bounds() -> None:
    """What the start-up message says holds the bounds of the type."""
    assert IntegerType(0, 65535).expectation() == "a whole number from 0 to 65535"
    assert "1kb to 1gb" in MemoryType(1024, 1 << 30).expectation()
    assert "at least 1mb" in MemoryType(1 << 20, INT64_MAX).expectation()
    assert "everysec, always, no" in ChoiceType(AppendFsync).expectation()
    assert "0 to 777" in OctalType().expectation()
