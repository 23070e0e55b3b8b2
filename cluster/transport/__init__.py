"""Sockets between nodes: links over TCP that the reactor drives, and datagrams over UDP."""
