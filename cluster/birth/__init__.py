"""The birth of a cluster: claims, genesis, and clusters that become one; see `machine`."""
