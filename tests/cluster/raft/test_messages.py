from __future__ import annotations

import typing

import attrs

from cluster.raft import messages


def test_every_message_names_source_and_target_and_is_frozen() -> None:
    """Messages are values that can be routed without being understood."""
    for kind in typing.get_args(messages.Message):
        names = [field.name for field in attrs.fields(kind)]
        assert names[:2] == ["source", "target"], kind
        assert attrs.fields(kind) and kind.__hash__ is not None, kind


def test_messages_with_a_term_are_those_of_leaders_and_candidates() -> None:
    """Exactly the messages that are compared by term carry one."""
    with_term = {
        kind
        for kind in typing.get_args(messages.Message)
        if "term" in {field.name for field in attrs.fields(kind)}
    }
    assert with_term == set(typing.get_args(messages.TermMessage))
