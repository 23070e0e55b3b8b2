"""`meridian-ctl`: looks after a running server and into the files of a stopped one.

One file per command in `commands/`; each adds its options and yields `Line`s, which are printed
as text for people or, with `--json`, as one JSON object per line for programs.
"""

from __future__ import annotations
