from __future__ import annotations

import hashlib

from meridian_resp.commands.registry import CATEGORY_ORDER
from tests.harness.fake_server import ServerRunner

DIGEST = hashlib.sha256(b"secret").hexdigest().encode()


def test_there_is_one_user() -> None:
    """WHOAMI and USERS name it, another one is null."""
    runner = ServerRunner()
    assert runner.run("acl whoami") == b"$7\r\ndefault\r\n"
    assert runner.run("acl users") == b"*1\r\n$7\r\ndefault\r\n"
    assert runner.run("acl getuser bob") == b"$-1\r\n"


def test_the_user_as_redis_shows_it() -> None:
    """Without a password `nopass`, with one its hash."""
    runner = ServerRunner()
    assert runner.run("acl list") == b"*1\r\n$34\r\nuser default on nopass ~* &* +@all\r\n"
    assert runner.resp3().run("acl getuser default") == (
        b"%6\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$6\r\nnopass\r\n$9\r\npasswords\r\n*0\r\n"
        b"$8\r\ncommands\r\n$5\r\n+@all\r\n$4\r\nkeys\r\n$2\r\n~*\r\n"
        b"$8\r\nchannels\r\n$2\r\n&*\r\n"
        b"$9\r\nselectors\r\n*0\r\n"
    )
    runner.settings.requirepass = b"secret"
    assert b"user default on #%b ~* &* +@all" % DIGEST in runner.run("acl list")
    assert b"~1\r\n$2\r\non\r\n$9\r\npasswords\r\n*1\r\n$64\r\n%b" % DIGEST in runner.run(
        "acl getuser default"
    )


def test_categories() -> None:
    """All of Redis' are known, their commands come from the table."""
    runner = ServerRunner()
    assert runner.run("acl cat").startswith(
        b"*%d\r\n$8\r\nkeyspace\r\n$4\r\nread" % len(CATEGORY_ORDER)
    )
    transaction = runner.run("acl cat transaction")
    assert transaction == runner.run("acl cat Transaction")
    assert transaction.startswith(b"*5\r\n")
    assert b"$10\r\nconfig|get\r\n" in runner.run("acl cat admin")
    assert runner.run("acl cat foo") == b"-ERR Unknown category 'foo'\r\n"
    assert runner.run("acl cat x y") == (
        b"-ERR unknown subcommand or wrong number of arguments for 'cat'. Try ACL HELP.\r\n"
    )


def test_what_would_make_users_is_not_there() -> None:
    """It is refused by name instead of answered OK."""
    runner = ServerRunner()
    assert runner.run("acl setuser bob on") == (
        b"-ERR unknown subcommand 'setuser'. Try ACL HELP.\r\n"
    )
    assert b"+WHOAMI\r\n" in runner.run("acl help")
