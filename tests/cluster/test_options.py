"""Options of a node."""

from __future__ import annotations

import pytest
from attrs import evolve

from cluster.control.options import ControlOptions
from cluster.errors import OptionError
from cluster.identity import Endpoint
from cluster.options import ClusterOptions, JournalOptions, ShellOptions
from cluster.transport.options import TransportOptions

OPTIONS = ClusterOptions(
    data_directory="somewhere",
    listening=Endpoint("127.0.0.1", 7400),
    announced=Endpoint("127.0.0.1", 7400),
    secret=b"a secret",
)


def test_the_defaults_fit() -> None:
    """What nobody has set is valid."""
    OPTIONS.validate()


def test_the_secret_is_not_shown() -> None:
    """Options end in logs and tracebacks."""
    assert "a secret" not in repr(OPTIONS)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (evolve(OPTIONS, data_directory=""), "data_directory"),
        (evolve(OPTIONS, control=ControlOptions(transitions_max=0)), "transitions_max"),
        (evolve(OPTIONS, transport=TransportOptions(read_bytes=0)), "read_bytes"),
        (evolve(OPTIONS, journal=JournalOptions(retry_min_s=0)), "retry_min_s"),
        (evolve(OPTIONS, journal=JournalOptions(retry_min_s=9)), "retry_min_s"),
        (evolve(OPTIONS, journal=JournalOptions(waiting_bytes_max=0)), "waiting_bytes_max"),
        (evolve(OPTIONS, shell=ShellOptions(inbox_count_max=0)), "inbox_count_max"),
        (evolve(OPTIONS, shell=ShellOptions(inbox_bytes_max=1000)), "inbox_bytes_max"),
        (evolve(OPTIONS, shell=ShellOptions(turn_inputs_max=0)), "turn_inputs_max"),
        (evolve(OPTIONS, shell=ShellOptions(requests_max=0)), "requests_max"),
        (evolve(OPTIONS, shell=ShellOptions(request_timeout_s=0)), "request_timeout_s"),
        (evolve(OPTIONS, shell=ShellOptions(leave_timeout_s=-1)), "leave_timeout_s"),
        (evolve(OPTIONS, shell=ShellOptions(table_refresh_s=30)), "table_refresh_s"),
        (evolve(OPTIONS, shell=ShellOptions(table_retention_s=0)), "table_retention_s"),
    ],
)
def test_what_does_not_fit_is_named(options: ClusterOptions, name: str) -> None:
    """Those of every part are checked, and the error says which."""
    with pytest.raises(OptionError) as caught:
        options.validate()
    assert caught.value.name == name
