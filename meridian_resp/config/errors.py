"""Errors of the configuration.

    ConfigError                 everything this package raises for a user's mistake
    ├─ StartError               options that the server cannot start with
    ├─ ValueRefusedError        one value is not one of its parameter's
    ├─ ChangeError              CONFIG SET is refused; nothing was changed
    └─ RewriteError             CONFIG REWRITE is refused; the file is as it was

The texts of `ChangeError` and `RewriteError` are those of Redis 7.0, because clients compare them.
"""

from __future__ import annotations

import attrs


class ConfigError(Exception):
    """A user's mistake in an option, a file or a CONFIG command."""


@attrs.define(eq=False)
class StartError(ConfigError):
    """The server cannot start with these options (exit code 2).

    `problems` are complete sentences, one for each mistake, so that all are seen at once.
    """

    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.problems)


@attrs.define(eq=False)
class ValueRefusedError(ConfigError):
    """A value is outside what its type allows; `reason` is Redis' wording of it."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class ChangeError(ConfigError):
    """CONFIG SET is refused; all parameters have the values they had before."""

    @property
    def text(self) -> str:
        """The error as clients get it, with its code: `ERR ...`."""
        return f"ERR {self}"


@attrs.define(eq=False)
class UnknownParameterError(ChangeError):
    """CONFIG SET names a parameter that does not exist."""

    name: str

    def __str__(self) -> str:
        return f"Unknown option or number of arguments for CONFIG SET - '{self.name}'"


@attrs.define(eq=False)
class RefusedChangeError(ChangeError):
    """CONFIG SET names a value that cannot be taken, or a parameter that cannot change."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"CONFIG SET failed (possibly related to argument '{self.name}') - {self.reason}"


@attrs.define(eq=False)
class RewriteError(ConfigError):
    """CONFIG REWRITE is refused; the file on disk is as it was."""

    reason: str

    def __str__(self) -> str:
        return self.reason

    @property
    def text(self) -> str:
        """The error as clients get it, with its code: `ERR ...`."""
        return f"ERR {self}"
