"""The cluster: which nodes there are, which are well, and who owns what.

Everything below this package is either a core (pure: `cluster/machine.py` gives its shape) or a
shell that carries values between a core and the world. The package knows nodes, slots and batches;
it does not know RESP.
"""

from __future__ import annotations

from cluster.errors import ClusterError, OptionError

__all__ = ["ClusterError", "OptionError"]
