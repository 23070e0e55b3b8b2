"""Where values come from."""

from __future__ import annotations

from meridian_resp.config.sources import Origin, Provenance


def test_a_provenance_is_told_with_its_place() -> None:
    """The place is shown when there is one."""
    assert str(Provenance(Origin.DEFAULT)) == "default"
    assert str(Provenance(Origin.FILE, "redis.conf line 3")) == "file (redis.conf line 3)"
