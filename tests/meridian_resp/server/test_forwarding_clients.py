from __future__ import annotations

from meridian_resp.protocol.pending_replies import PendingReply
from meridian_resp.server.forwarding_clients import (
    CLIENT_BYTES_MAX,
    CLIENT_REQUESTS_FIRST,
    CLIENT_REQUESTS_MAX,
    ForwardingClient,
    ForwardingClients,
)
from tests.harness.command_runner import CommandRunner


def test_much_is_above_either_bound_and_little_below_half_of_both() -> None:
    """So a stopped client does not start and stop with every reply."""
    client = ForwardingClient()
    found = []
    client.begin(1, 5, CLIENT_BYTES_MAX)
    found.append((client.has_much, client.has_little))
    client.begin(2, 5, 1)
    found.append((client.has_much, client.has_little))
    client.end(CLIENT_BYTES_MAX)
    found.append((client.has_much, client.has_little))
    for number in range(CLIENT_REQUESTS_MAX):
        client.begin(number, 5, 0)
    found.append((client.has_much, client.has_little))
    assert found == [(False, False), (True, False), (False, True), (True, False)]


def test_only_the_newest_request_of_a_slot_may_be_sent_again() -> None:
    """Until nothing is under way any more."""
    client = ForwardingClient()
    client.begin(1, 5, 0)
    client.begin(2, 6, 0)
    client.begin(3, 5, 0)
    assert not client.may_retry(1, 5) and client.may_retry(2, 6) and client.may_retry(3, 5)
    for _ in range(3):
        client.end(0)
    assert not client.may_retry(3, 5)


def test_parked_requests_are_counted_by_slot() -> None:
    """A slot is free again when the last of them is."""
    client = ForwardingClient()
    client.park(5)
    client.park(5)
    client.unpark(5)
    assert client.has_parked(5) and not client.has_parked(6)
    client.unpark(5)
    assert not client.has_parked(5)


def test_versions_are_forgotten_by_key_or_altogether() -> None:
    """What is not watched any more has none."""
    client, place = ForwardingClient(), PendingReply()
    client.watch([b"a", b"b", b"c"], place)
    client.learn([b"a", b"b"], place, [1, 2])
    client.forget_versions([b"a", b"x"])
    assert client.versions == {b"b": 2, b"c": place}
    client.forget_versions(None)
    assert client.versions == {}


def test_a_client_that_goes_away_is_forgotten() -> None:
    """Also where it was stopped; what is answered later is of nobody."""
    clients, session = ForwardingClients(), CommandRunner().session
    assert clients.find(session) is None
    client = clients.of(session)
    assert clients.of(session) is client
    client.begin(1, 5, 10)
    clients.stop(session)
    clients.forget(session)
    assert not clients.stopped and not clients.end(session, 10)
    assert clients.find(session) is None


def test_a_client_that_did_not_read_filled_the_memory_with_replies() -> None:
    """Three thousand requests of a few bytes brought gigabytes; now long replies leave few."""
    clients = ForwardingClients()
    session = CommandRunner().session
    client = clients.of(session)

    def begin_until_stopped() -> int:
        while not client.has_much:
            client.begin(1, 5, 10)
        clients.stop(session)
        return client.count

    def answer(reply_bytes: int) -> None:
        while client.count:
            clients.end(session, 10, reply_bytes)

    found = []
    for reply_bytes in (5, 5, 1 << 20, 16 << 20, 5):
        found.append(begin_until_stopped())
        answer(reply_bytes)
    assert found == [CLIENT_REQUESTS_FIRST + 1, 2 * CLIENT_REQUESTS_FIRST + 1, 257, 5, 2]
    for _ in range(200):
        begin_until_stopped()
        answer(5)
    assert begin_until_stopped() == CLIENT_REQUESTS_MAX + 1
