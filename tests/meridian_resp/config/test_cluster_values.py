"""Value types of a cluster's options."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.membership.facts import ALL_ROLES, Role
from meridian_resp.config.cluster_values import (
    SEEDS_MAX,
    AddressType,
    DecimalType,
    EndpointsType,
    NameType,
    RolesType,
)
from meridian_resp.config.errors import ValueRefusedError
from meridian_resp.config.toml_file import parse_toml, words_of_value

HOSTS = st.from_regex(r"[a-z][a-z0-9.-]{0,20}(:[1-9][0-9]{0,3})?", fullmatch=True)


@given(st.lists(HOSTS, unique=True, max_size=5).map(tuple))
def test_endpoints_round_trip(seeds: tuple[str, ...]) -> None:
    """One text of CONFIG GET, the line of a file, and a list in TOML give them back."""
    endpoints = EndpointsType()
    assert endpoints.parse(endpoints.format(seeds).split(" "), ()) == seeds
    value: tuple[str, ...] = ("before:1",)
    for line in endpoints.outweighing_lines(seeds):
        value = endpoints.combine(value, endpoints.parse(line, value))
    assert value == seeds
    assert endpoints.parse(words_of_value(endpoints.toml(seeds)) or (), ()) == seeds


def test_lines_of_a_file_add_up_without_repeats() -> None:
    """A second line names more nodes; one that is named already is not named again."""
    endpoints = EndpointsType()
    assert endpoints.combine(("a", "b"), ("b", "c")) == ("a", "b", "c")


@pytest.mark.parametrize("word", ["a:0", "a:65536", "a:x", ":7400", "[::1", "[::1]7400"])
def test_what_is_no_endpoint_is_refused(word: str) -> None:
    """The reason names what was wrong with it."""
    with pytest.raises(ValueRefusedError):
        EndpointsType().parse(["good:1", word], ())


def test_the_number_of_seeds_is_bounded() -> None:
    """One more than the bound is refused."""
    words = [f"node{number}" for number in range(SEEDS_MAX + 1)]
    assert len(EndpointsType().parse(words[1:], ())) == SEEDS_MAX
    with pytest.raises(ValueRefusedError):
        EndpointsType().parse(words, ())


@given(st.sets(st.sampled_from(sorted(ALL_ROLES, key=lambda role: role.value)), min_size=1))
def test_roles_round_trip(members: set[Role]) -> None:
    """Every combination can be written and read."""
    roles = RolesType()
    value = Role.NONE
    for member in members:
        value |= member
    assert roles.parse(roles.format(value).split(" "), ALL_ROLES) is value
    assert roles.parse([",".join(roles.format(value).upper().split())], ALL_ROLES) is value


@pytest.mark.parametrize("words", [["leader"], [""], [","], ["storage", "x"]])
def test_a_node_has_at_least_one_known_role(words: list[str]) -> None:
    """Unknown roles and none at all are refused."""
    with pytest.raises(ValueRefusedError):
        RolesType().parse(words, ALL_ROLES)


@given(st.integers(1, 1_000_000).map(lambda thousandths: thousandths / 1000))
def test_decimals_round_trip(number: float) -> None:
    """In the answer and in a TOML file, without an exponent."""
    decimal = DecimalType(0.001, 1000.0)
    assert decimal.parse([decimal.format(number)], 1.0) == number
    assert "e" not in decimal.format(number)
    (assignment,) = parse_toml(f"x = {decimal.toml(number)}", "f")
    assert decimal.parse(assignment.arguments, 1.0) == number


@pytest.mark.parametrize("text", ["0", "1000.1", "-1", "1e3", "nan", "inf", "", "1.", ".5", "1,5"])
def test_wrong_decimals_are_refused(text: str) -> None:
    """Out of bounds, with an exponent, or no number at all."""
    with pytest.raises(ValueRefusedError):
        DecimalType(0.001, 1000.0).parse([text], 1.0)


@pytest.mark.parametrize("text", ["a b", "a\tb", "é", "x" * 65, "a\0"])
def test_names_are_short_and_plain(text: str) -> None:
    """They travel in every rumour, so they are short and printable."""
    assert NameType("NAME").parse(["x" * 64], "") == "x" * 64
    with pytest.raises(ValueRefusedError):
        NameType("NAME").parse([text], "")


@pytest.mark.parametrize("text", ["", "10.0.0.1", "::1", "db1.example.org"])
def test_addresses_are_taken_as_they_are(text: str) -> None:
    """Both kinds of IP addresses, host names, and none."""
    assert AddressType("ADDRESS").parse([text], "") == text


@pytest.mark.parametrize("text", ["10.0.0.1:7400", "[::1]", "a b", "é"])
def test_an_address_has_no_port(text: str) -> None:
    """Ports are options of their own."""
    with pytest.raises(ValueRefusedError):
        AddressType("ADDRESS").parse([text], "")
