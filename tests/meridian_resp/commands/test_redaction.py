from __future__ import annotations

import pytest

from meridian_resp.commands.redaction import redacted


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("get auth", "get auth"),
        ("AUTH secret", "AUTH (redacted)"),
        ("auth user secret", "auth (redacted) (redacted)"),
        ("auth", "auth"),
        ("hello 3", "hello 3"),
        ("hello 3 auth u p setname n", "hello 3 auth (redacted) (redacted) setname n"),
        ("hello 3 setname auth auth u p", "hello 3 setname auth auth (redacted) (redacted)"),
        ("hello 3 auth u", "hello 3 auth (redacted)"),
        ("config set requirepass x hz 10", "config set requirepass (redacted) hz 10"),
        ("CONFIG SET hz 10 MasterAuth x", "CONFIG SET hz 10 MasterAuth (redacted)"),
        ("config get requirepass", "config get requirepass"),
        ("config set cluster-secret x", "config set cluster-secret (redacted)"),
        ("config set requirepass", "config set requirepass"),
        ("configuration set requirepass x", "configuration set requirepass x"),
    ],
)
def test_secrets_are_replaced_and_nothing_else(command: str, shown: str) -> None:
    """What follows AUTH, and values of parameters that are passwords."""
    words = command.encode().split()
    kept = list(words)
    assert redacted(words) == shown.encode().split()
    assert words == kept
