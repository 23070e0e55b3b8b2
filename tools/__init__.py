"""Programs for people who run Meridian: `meridian-bench` and `meridian-ctl`.

They stand above the server in the layering and use public names only; nothing imports them.
"""

from __future__ import annotations
