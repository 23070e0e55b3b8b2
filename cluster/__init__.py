"""The cluster: which nodes there are, which are well, and who owns what.

Everything below this package is either a core (pure: `cluster/machine.py` gives its shape) or a
shell that carries values between a core and the world. The package knows nodes, slots and that
there are keys; it knows neither RESP nor what is in a key.

Where to begin: `map.values` is what all nodes agree on, `control.plane` puts the cores of a node
together to one machine, `node` is its shell, and `assembly` makes the node of a running server.
What is needed of the server above are two protocols, `control.data_port` and
`control.data_handler`; what it sees of a node is a protocol of its own.
"""

from __future__ import annotations

from cluster.errors import ClusterError, OptionError

__all__ = ["ClusterError", "OptionError"]
