from __future__ import annotations

from pathlib import Path

import pytest

from cluster.transport.tls import TlsSession
from cluster.wire.messages import GenesisCall, GossipStream
from tests.harness.certificates import OPENSSL, WITHOUT_OPENSSL, Authority
from tests.harness.memory_peers import PeerGroup

pytestmark = pytest.mark.skipif(OPENSSL is None, reason=WITHOUT_OPENSSL)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the cluster."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the cluster does not know."""
    return Authority(tmp_path_factory.mktemp("strangers"))


def shake(client: TlsSession, server: TlsSession) -> None:
    """Carry bytes between two sessions until neither has any."""
    while client.has_output or server.has_output:
        server.receive(client.take())
        client.receive(server.take())


def test_plain_bytes_cross_and_are_not_seen_on_the_way(authority: Authority) -> None:
    """What is sent before the end of the handshake waits for it."""
    contexts = authority.issue("node")
    client = TlsSession(contexts, is_outgoing=True)
    server = TlsSession(contexts, is_outgoing=False)
    client.send(b"before")
    assert not client.is_established
    shake(client, server)
    assert client.is_established and server.is_established
    client.send(b"a secret word")
    sent = client.take()
    assert b"secret" not in sent
    assert server.receive(sent) == b"a secret word"


def test_both_sides_refuse_a_foreign_authority(
    authority: Authority, strangers: Authority, tmp_path: Path
) -> None:
    """A stranger that trusts us is still refused, and we do not trust it."""
    ours = authority.issue("ours")
    theirs = strangers.issue("theirs", trusts=authority)
    client = TlsSession(theirs, is_outgoing=True)
    server = TlsSession(ours, is_outgoing=False)
    shake(client, server)
    assert "certificate verify failed" in server.failure and client.failure
    client = TlsSession(ours, is_outgoing=True)
    server = TlsSession(strangers.issue("server"), is_outgoing=False)
    shake(client, server)
    assert "certificate verify failed" in client.failure


def test_garbage_fails_the_session_by_name(authority: Authority) -> None:
    """Nothing is raised, and what comes later is not looked at."""
    server = TlsSession(authority.issue("garbage"), is_outgoing=False)
    assert server.receive(b"GET / HTTP/1.1\r\n\r\n") == b""
    assert server.failure
    assert server.receive(b"more") == b""
    server.send(b"nothing")


def test_a_link_over_tls_carries_messages(authority: Authority) -> None:
    """The handshake of the protocol runs inside; large messages cross as well."""
    group = PeerGroup(0)
    first, second = (group.add(tls=authority.issue(name)) for name in ("first", "second"))
    packet = bytes(2 << 20)
    assert first.peers.send(second.endpoint, GossipStream(packet))
    assert first.peers.send(second.endpoint, GenesisCall(2))
    group.run()
    assert [message for _, message in second.received] == [GossipStream(packet), GenesisCall(2)]
    assert second.links[0].send(GenesisCall(3))
    group.advance(30.0)
    assert first.received == [(second.identity.node, GenesisCall(3))]
    assert first.down == second.down == []


def test_links_with_and_without_tls_do_not_mix(authority: Authority, strangers: Authority) -> None:
    """Each case is counted, and good links go on."""
    group = PeerGroup(1)
    (plain,) = group.nodes
    first, second = (group.add(tls=authority.issue(f"mixed{i}")) for i in range(2))
    foreign = group.add(tls=strangers.issue("mixed", trusts=authority))
    first.peers.send(second.endpoint, GenesisCall(1))
    foreign.peers.send(second.endpoint, GenesisCall(1))
    plain.peers.send(second.endpoint, GenesisCall(2))
    second.peers.send(plain.endpoint, GenesisCall(3))
    group.advance(6.0)
    assert [m for _, m in second.received] == [GenesisCall(1)] and plain.received == []
    assert second.peers.statistics().refused["tls"] >= 2
    assert plain.peers.statistics().refused["magic"] >= 1
    assert first.links[0].is_up
