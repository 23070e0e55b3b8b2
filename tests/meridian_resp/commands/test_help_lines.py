from __future__ import annotations

import pytest

from meridian_resp.commands.help_lines import help_reply, refuse_call, refuse_subcommand
from meridian_resp.errors import CommandError


def test_help_is_an_array_of_simple_strings() -> None:
    """Heading, usage, indented text of any number of lines, and HELP itself at the end."""
    assert help_reply("X", [("GET <a>", "First.\nSecond.")]) == (
        b"*6\r\n+X <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
        b"+GET <a>\r\n+    First.\r\n+    Second.\r\n+HELP\r\n+    Prints this help.\r\n"
    )


def test_refusals_name_what_was_given() -> None:
    """As sent, at most 128 bytes of it."""
    with pytest.raises(CommandError, match=r"unknown subcommand 'Foo'. Try X HELP."):
        refuse_subcommand("X", [b"x", b"Foo"])
    with pytest.raises(CommandError, match=r"wrong number of arguments for 'a{128}'. Try X HELP"):
        refuse_call("X", [b"x", b"a" * 200])
