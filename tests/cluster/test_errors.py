from __future__ import annotations

from cluster.errors import (
    ClusterError,
    LogCompactedError,
    MembershipChangeError,
    OptionError,
)


def test_texts_name_what_is_wrong() -> None:
    """An error's text holds the data that it carries, and all share one base."""
    errors = {
        OptionError("limit", 0, "greater than 0"): "limit must be greater than 0, not 0",
        LogCompactedError(3, 7): "entry 3 was compacted away, the log begins at 7",
        MembershipChangeError("no voter would be left"): "no voter would be left",
    }
    for error, text in errors.items():
        assert isinstance(error, ClusterError)
        assert str(error) == text
