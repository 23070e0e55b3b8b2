from __future__ import annotations

from tests.harness.fake_server import ServerRunner


def test_info_is_one_text() -> None:
    """A bulk string in RESP2, a verbatim one in RESP3; the usual sections without a word."""
    runner = ServerRunner()
    text = runner.run("info")
    assert text.startswith(b"$")
    assert b"\r\n# Server\r\nredis_version:" in text
    assert b"# Commandstats" not in text
    assert b"# Commandstats" in runner.run("info all")
    assert runner.run("info Cluster") == b"$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"
    assert runner.run("info foo") == b"$0\r\n\r\n"
    assert runner.resp3().run("info foo") == b"=4\r\ntxt:\r\n"


def test_info_shows_this_process() -> None:
    """Memory and processor time are read fresh."""
    text = ServerRunner().run("info memory cpu").decode()
    fields = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    assert int(fields["used_memory"]) > 1 << 20
    assert float(fields["used_cpu_user"]) > 0
