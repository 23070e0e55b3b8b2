"""Settings shared by all tests: how Hypothesis searches.

The default profile keeps a whole run under five minutes. `HYPOTHESIS_PROFILE=ci` (set by the
continuous check) and `HYPOTHESIS_PROFILE=deep` (nightly, or when hunting) look further. No
profile is derandomised: each run tries other examples, and a failure prints the blob that
replays it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline: two processes share two cores, so one slow example says nothing about the code.
settings.register_profile(
    "default",
    max_examples=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=100)
settings.register_profile("deep", settings.get_profile("default"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
