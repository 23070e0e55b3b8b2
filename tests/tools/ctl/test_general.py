"""The options that every command has."""

from __future__ import annotations

import argparse

import pytest

from tools.ctl.__main__ import parser
from tools.ctl.general import add_general, address


def test_what_is_suppressed_is_left_as_it_was() -> None:
    """A command must not undo what stands before it."""
    none = argparse.SUPPRESS
    parser = argparse.ArgumentParser()
    add_general(parser, server=none, password=none, json=none)
    assert vars(parser.parse_args([])) == {}
    assert parser.parse_args(["--json"]).json is True


def test_a_wrong_address_is_named() -> None:
    """As argparse wants it."""
    with pytest.raises(argparse.ArgumentTypeError, match="65535"):
        address("host:70000")


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "settings", "get"],
        ["settings", "--json", "get"],
        ["settings", "get", "--json"],
        ["--json", "nodes"],
        ["nodes", "--json"],
    ],
)
def test_they_may_stand_before_a_command_behind_it_and_behind_its_verb(words: list[str]) -> None:
    """Between a command and its verb they were refused."""
    assert parser().parse_args(words).json is True
