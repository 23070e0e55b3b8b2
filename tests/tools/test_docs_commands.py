"""The reference page of commands."""

from __future__ import annotations

from meridian_resp.commands import build_table
from meridian_resp.commands.context import Context
from meridian_resp.commands.registry import Argument, CommandSpec, Flag, Group
from meridian_resp.protocol.replies import OK
from tools.docs_commands import commands_page, syntax


def handler(context: Context, arguments: list[bytes]) -> bytes:
    """Answer nothing in particular."""
    del context, arguments
    return OK


def spec(*arguments: Argument) -> CommandSpec:
    """A command with these arguments."""
    return CommandSpec(
        name="example",
        arity=-1,
        flags=Flag(0),
        group=Group.STRING,
        since="1.0.0",
        summary="An example",
        complexity="O(1)",
        handler=handler,
        arguments=arguments,
    )


def test_arguments_are_written_as_people_know_them() -> None:
    """Options in brackets, choices with bars, tokens before their value."""
    key = Argument("key", "key")
    condition = Argument(
        "condition",
        "oneof",
        optional=True,
        arguments=(
            Argument("nx", "pure-token", token="NX"),
            Argument("xx", "pure-token", token="XX"),
        ),
    )
    seconds = Argument("seconds", "integer", token="EX", optional=True)
    assert syntax(spec(key, condition, seconds)) == "EXAMPLE key [NX | XX] [EX seconds]"


def test_repeated_arguments_are_shown() -> None:
    """A repeated block, a repeated value behind a token, and a repeated token."""
    pair = Argument(
        "pair", "block", multiple=True, arguments=(Argument("key", "key"), Argument("value"))
    )
    assert syntax(spec(pair)) == "EXAMPLE key value [key value ...]"
    keys = Argument("key", "key", token="KEYS", multiple=True)
    assert syntax(spec(keys)) == "EXAMPLE KEYS key [key ...]"
    get = Argument("pattern", token="GET", multiple=True, multiple_token=True, optional=True)
    assert syntax(spec(get)) == "EXAMPLE [GET pattern [GET pattern ...]]"


def test_a_choice_that_must_be_made_is_in_angle_brackets() -> None:
    """So that the bars bind less than the words around them."""
    choice = Argument("c", "oneof", arguments=(Argument("a"), Argument("b")))
    assert syntax(spec(choice)) == "EXAMPLE <a | b>"


def test_every_command_is_on_the_page() -> None:
    """Each command or each of its sub-commands has a row."""
    page = commands_page()
    for command in build_table().by_name.values():
        for shown in command.subcommands or (command,):
            cell = f"`{syntax(shown)}`".replace("|", "\\|")
            assert f"| {cell} |" in page
