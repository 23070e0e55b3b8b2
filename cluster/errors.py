"""What can go wrong in the cluster, as situations.

ClusterError
├─ OptionError              an option has a value outside its bounds
├─ ClusterStopped           this process must not go on as a node of its cluster
├─ LogCompactedError        a log was asked for entries that a snapshot has replaced
└─ MembershipChangeError    a change of members that makes no sense from where the group is

`assert` is for our own mistakes. What another node sends is never an exception: a message that
does not fit is dropped or answered, as the protocol says.
"""

from __future__ import annotations


class ClusterError(Exception):
    """Base of every error that the cluster raises on purpose."""


class OptionError(ClusterError):
    """An option has a value outside its bounds."""

    def __init__(self, name: str, given: object, allowed: str) -> None:
        super().__init__(name, given, allowed)
        self.name = name
        self.given = given
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.name} must be {self.allowed}, not {self.given!r}"


class ClusterStopped(ClusterError):
    """This process must not go on as a node of its cluster; it ends.

    Args:
        reason: text for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class LogCompactedError(ClusterError):
    """Entries were asked for that a snapshot has replaced.

    Args:
        index: the first entry asked for.
        first_index: the first entry that is still there.
    """

    def __init__(self, index: int, first_index: int) -> None:
        super().__init__(index, first_index)
        self.index = index
        self.first_index = first_index

    def __str__(self) -> str:
        return f"entry {self.index} was compacted away, the log begins at {self.first_index}"


class MembershipChangeError(ClusterError):
    """A change of members makes no sense from the configuration it was asked of.

    Args:
        reason: text for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
