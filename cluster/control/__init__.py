"""The control plane of one node: every core of the cluster put together as one machine."""
