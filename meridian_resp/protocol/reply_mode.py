"""Whether a client wants replies (CLIENT REPLY)."""

from __future__ import annotations

import enum


class ReplyMode(enum.Enum):
    """What happens to the replies of a client's commands."""

    ON = "on"
    OFF = "off"
    #: The command that runs now is not answered, nor is the next.
    SKIP_NEXT = "skip-next"
    #: The next command is not answered; then ON again.
    SKIP = "skip"
