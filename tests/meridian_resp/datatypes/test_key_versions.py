from __future__ import annotations

from meridian_resp.datatypes.key_versions import key_version, look_up_versions
from tests.harness.command_runner import CommandRunner


def test_every_change_gives_a_greater_version() -> None:
    """A deletion and a new life too, whether the tick is committed or not."""
    for commits in (True, False):
        runner = CommandRunner()
        runner.commits = commits
        database = runner.keyspace.databases[0]
        versions = [key_version(database, b"a")]
        assert versions == [0]
        for command in ("set a 1", "append a 2", "expire a 100", "persist a", "del a", "set a 1"):
            runner.run(command)
            versions.append(key_version(database, b"a"))
        assert versions == sorted(set(versions))
        assert key_version(database, b"aa") == 0


def test_reading_changes_no_version() -> None:
    """Nor does the change of another key."""
    runner = CommandRunner()
    runner.run("set a 1")
    before = key_version(runner.database, b"a")
    runner.run("get a")
    runner.run("set b 1")
    runner.run("del c")
    assert key_version(runner.database, b"a") == before


def test_a_key_whose_time_is_over_is_deleted_before_it_is_looked_at() -> None:
    """So its deletion later changes nothing."""
    runner = CommandRunner()
    runner.run("set a 1 px 5")
    runner.run("set b 1")
    alive = look_up_versions(runner.database, [b"a", b"b"])
    runner.pass_ms(6)
    found = look_up_versions(runner.database, [b"a", b"b"])
    assert found[0] > alive[0] and found[1] == alive[1]
    runner.keyspace.commit()
    runner.run("get a")
    assert look_up_versions(runner.database, [b"a", b"b"]) == found
