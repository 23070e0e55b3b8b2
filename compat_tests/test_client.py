"""CLIENT and its sub-commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from compat_tests.known_differences import reason_for
from compat_tests.raw_client import ConnectionClosedError, ErrorReply, Push, RawClient

if TYPE_CHECKING:
    from compat_tests.both import Both
    from compat_tests.raw_client import Argument

#: Fields whose values do not depend on process, time or memory.
SAME_FIELDS = (
    b"name",
    b"flags",
    b"db",
    b"sub",
    b"psub",
    b"ssub",
    b"multi",
    b"cmd",
    b"user",
    b"redir",
    b"resp",
)


#: Fields of Redis 7.2, which Meridian has because the clients of today send them.
LATER_FIELDS = (b"lib-name", b"lib-ver")


def fields_of(line: bytes) -> dict[bytes, bytes]:
    """Return the fields of one line of CLIENT LIST, in their order."""
    words = line.rstrip(b"\n").split(b" ")
    fields = {key: value for key, _, value in (word.partition(b"=") for word in words)}
    return {key: value for key, value in fields.items() if key not in LATER_FIELDS}


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("foo",),
        ("GETNAME",),
        ("GETNAME", "x"),
        ("SETNAME", ""),
        ("SETNAME", "me"),
        ("SETNAME", "two words"),
        ("SETNAME", "line\n"),
        ("SETNAME", b"\xff"),
        ("SETNAME", "a", "b"),
        ("SETNAME",),
        ("ID", "x"),
        ("INFO", "x"),
        ("REPLY",),
        ("REPLY", "ON"),
        ("REPLY", "foo"),
        ("LIST", "foo"),
        ("LIST", "TYPE"),
        ("LIST", "TYPE", "foo"),
        ("LIST", "TYPE", "pubsub"),
        ("LIST", "TYPE", "master"),
        ("LIST", "TYPE", "replica"),
        ("LIST", "ID"),
        ("LIST", "ID", "abc"),
        ("LIST", "ID", "99999999"),
        ("LIST", "ID", "0"),
        ("KILL",),
        ("KILL", "1.2.3.4:5"),
        ("KILL", "ID", "99999999"),
        ("KILL", "ID", "abc"),
        ("KILL", "ID", "0"),
        ("KILL", "ID", "-5"),
        ("KILL", "TYPE", "foo"),
        ("KILL", "TYPE", "pubsub"),
        ("KILL", "USER", "nobody"),
        ("KILL", "SKIPME", "maybe"),
        ("KILL", "ADDR", "1.2.3.4:5", "SKIPME", "yes"),
        ("KILL", "LADDR", "1.2.3.4:5"),
        ("KILL", "FOO", "bar"),
        ("KILL", "ID", "1", "TYPE"),
        ("NO-EVICT", "ON"),
        ("NO-EVICT", "OFF"),
        ("NO-EVICT", "foo"),
        ("NO-EVICT",),
        ("UNBLOCK", "99999999"),
        ("UNBLOCK", "99999999", "TIMEOUT"),
        ("UNBLOCK", "99999999", "ERROR"),
        ("UNBLOCK", "99999999", "foo"),
        ("UNBLOCK", "abc"),
        ("UNBLOCK",),
        ("PAUSE",),
        ("PAUSE", "abc"),
        ("PAUSE", "-1"),
        ("PAUSE", "0"),
        ("PAUSE", "0", "WRITE"),
        ("PAUSE", "0", "foo"),
        ("UNPAUSE",),
        ("UNPAUSE", "x"),
        ("GETREDIR",),
        ("TRACKINGINFO",),
        ("CACHING", "YES"),
        ("CACHING", "foo"),
        ("TRACKING", "foo"),
        ("TRACKING", "OFF"),
    ],
    ids=str,
)
def test_replies_and_errors(both: Both, command: tuple[Argument, ...]) -> None:
    """Each sub-command takes or refuses its arguments with the same bytes."""
    both.do("CLIENT", *command)
    both.do("CLIENT", "GETNAME")


def test_id_grows(both: Both) -> None:
    """Ids are numbers; a later connection has a higher one."""
    first = both.shape("identity", "CLIENT", "ID")
    second = both.another().shape("identity", "CLIENT", "ID")
    assert first[0] < second[0]
    assert first[1] < second[1]
    assert both.values("CLIENT", "ID") == first


def test_info_has_the_same_fields(both: Both) -> None:
    """CLIENT INFO has the same fields in the same order, with the same state inside."""
    for command in (
        ("PING",),
        ("CLIENT", "SETNAME", "me"),
        ("SELECT", "3"),
        ("WATCH", "key"),
        ("MULTI",),
    ):
        both.do(*command)
        if command == ("MULTI",):
            both.do("CLIENT", "INFO")
            both.do("DISCARD")
            continue
        redis, meridian = both.shape("client-setinfo", "CLIENT", "INFO")
        one, other = fields_of(redis), fields_of(meridian)
        assert list(one) == list(other)
        assert {name: one[name] for name in SAME_FIELDS} == {
            name: other[name] for name in SAME_FIELDS
        }


def test_list_shows_every_connection(both: Both) -> None:
    """CLIENT LIST has one line for each connection; filters by type and id work."""
    other = both.another()
    both.do("CLIENT", "SETNAME", "first")
    other.do("CLIENT", "SETNAME", "second")
    other.do("SELECT", "2")
    other.do("MULTI")
    other.do("GET", "key")
    for arguments in ((), ("TYPE", "normal"), ("type", "NORMAL")):
        redis, meridian = both.shape("identity", "CLIENT", "LIST", *arguments)
        lines = [
            {fields_of(line)[b"name"]: fields_of(line) for line in text.splitlines()}
            for text in (redis, meridian)
        ]
        for name in (b"first", b"second"):
            one, two = lines[0][name], lines[1][name]
            assert {field: one[field] for field in SAME_FIELDS} == {
                field: two[field] for field in SAME_FIELDS
            }
        assert redis.endswith(b"\n")
        assert meridian.endswith(b"\n")
    for client in (both.redis, both.meridian):
        mine = client.value("CLIENT", "ID")
        text = client.value("CLIENT", "LIST", "ID", mine, 99999999)
        assert [fields_of(line)[b"id"] for line in text.splitlines()] == [b"%d" % mine]


def _killed(both: Both, victim: Both, field: bytes, *kill: Argument) -> None:
    """Kill the victim by the value of one of its fields and expect the same reply."""
    replies = []
    for actor, target in ((both.redis, victim.redis), (both.meridian, victim.meridian)):
        value = fields_of(target.value("CLIENT", "INFO"))[field]
        replies.append(actor.do("CLIENT", "KILL", *kill, value))
        with pytest.raises(ConnectionClosedError):
            target.do("PING")
    assert replies[0] == replies[1]


@pytest.mark.parametrize(
    ("field", "kill"), [(b"addr", ()), (b"addr", ("ADDR",)), (b"id", ("ID",)), (b"id", ("id",))]
)
def test_kill_another(both: Both, field: bytes, kill: tuple[str, ...]) -> None:
    """A killed connection is closed; the old form answers OK, the new one a count."""
    _killed(both, both.another(), field, *kill)
    both.do("PING")


def test_kill_myself(both: Both) -> None:
    """SKIPME yes is the default; without it the reply still arrives before the close."""
    for client in (both.redis, both.meridian):
        own = client.value("CLIENT", "ID")
        assert client.do("CLIENT", "KILL", "ID", own) == b":0\r\n"
        assert client.do("CLIENT", "KILL", "ID", own, "SKIPME", "no") == b":1\r\n"
        assert client.read_to_end() == b""
    both.reopen()


def test_kill_all_others(both: Both) -> None:
    """TYPE normal ends every connection but the caller's."""
    victims = [both.another() for _ in range(3)]
    for victim in victims:
        victim.do("PING")
    redis, meridian = both.values("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert redis >= 3
    assert meridian >= 3
    for victim in victims:
        for client in (victim.redis, victim.meridian):
            with pytest.raises(ConnectionClosedError):
                client.do("PING")
    both.do("PING")


def test_reply_off_skip_on(both: Both) -> None:
    """OFF silences, SKIP silences the next command only, ON answers again."""
    for client in (both.redis, both.meridian):
        client.send("CLIENT", "REPLY", "OFF")
        client.send("SET", "key", "1")
        client.send("GET", "key")
        client.send("nonsense")
        assert client.do("CLIENT", "REPLY", "ON") == b"+OK\r\n"
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("GET", "key")
        assert client.do("PING") == b"+PONG\r\n"
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("GET", "key")
        assert client.do("ECHO", "end") == b"$3\r\nend\r\n"
    both.do("GET", "key")


def test_pause_of_writes(both2: Both) -> None:
    """Paused writes wait until UNPAUSE and are answered then; reads go on."""
    other = both2.another()
    both2.do("CLIENT", "PAUSE", "20000", "WRITE")
    try:
        other.do("GET", "key")
        for client in (other.redis, other.meridian):
            client.send("INCR", "key")
        other.silence()
        both2.do("GET", "key")
    finally:
        both2.do("CLIENT", "UNPAUSE")
    other.reply()


def test_pause_of_everything(both2: Both) -> None:
    """Under ALL reads wait too, until the time is over."""
    other = both2.another()
    both2.do("CLIENT", "PAUSE", "250", "ALL")
    for client in (other.redis, other.meridian):
        client.send("GET", "key")
    other.silence()
    other.reply()


def test_pause_ends_by_itself(both2: Both) -> None:
    """After its time a pause is over."""
    started = time.monotonic()
    both2.do("CLIENT", "PAUSE", "100", "WRITE")
    both2.another().do("SET", "key", "1")
    assert time.monotonic() - started > 0.09
    both2.do("GET", "key")


def _has_tracking(both: Both) -> bool:
    reply = both.meridian.value("CLIENT", "TRACKING", "ON")
    both.meridian.do("CLIENT", "TRACKING", "OFF")
    return not isinstance(reply, ErrorReply)


@pytest.mark.parametrize(
    "command",
    [
        ("TRACKING", "ON", "foo"),
        ("TRACKING", "ON", "OPTIN", "OPTOUT"),
        ("TRACKING", "ON", "PREFIX", "x"),
        ("TRACKING", "ON", "BCAST", "OPTIN"),
        ("TRACKING", "ON", "REDIRECT", "99999999"),
        ("TRACKING", "ON", "REDIRECT", "abc"),
    ],
    ids=str,
)
def test_wrong_tracking(both: Both, command: tuple[Argument, ...]) -> None:
    """Options that contradict each other are refused with the same text."""
    if not _has_tracking(both):
        pytest.skip(reason_for("tracking"))
    both.do("CLIENT", *command)


def test_tracking(both: Both) -> None:
    """A RESP3 connection that tracks is told when a key that it read is changed by another."""
    if not _has_tracking(both):
        pytest.skip(reason_for("tracking"))
    reader = both.another(protocol=3)
    reader.do("CLIENT", "TRACKING", "ON")
    reader.do("CLIENT", "TRACKINGINFO")
    reader.do("GET", "key")
    both.do("SET", "key", "1")
    assert reader.reply() == Push([b"invalidate", [b"key"]])
    both.do("SET", "key", "2")
    reader.silence()
    reader.do("GET", "key")
    both.do("FLUSHALL")
    assert reader.reply() == Push([b"invalidate", None])


def test_connection_limit_is_an_error(both2: Both) -> None:
    """Beyond maxclients a new connection is told so and closed."""
    both2.do("CONFIG", "GET", "maxclients")
    both2.do("CONFIG", "SET", "maxclients", "5")
    opened, answers = [], []
    try:
        for server in (both2.pair.redis, both2.pair.meridian):
            clients = [RawClient(server.address) for _ in range(8)]
            opened += clients
            for client in clients:
                if client.has_input(0.1):
                    answers.append(client.read_to_end())
    finally:
        both2.do("CONFIG", "SET", "maxclients", "10000")
        for client in opened:
            client.close()
    assert len(set(answers)) == 1, answers
