"""`meridian-bench`: measures Meridian, beside a redis-server and under disturbance.

Reading order: `compare.py` is the main measurement, `mixed.py` and `idle.py` the two others;
`servers.py` starts and ends what is measured, `accounting.py` reads its cost from the kernel,
`drivers.py` makes the load, `report.py` prints.
"""

from __future__ import annotations
