"""The metadata log: one Raft group whose state machine is the cluster map, and its followers.

`MetadataLog` puts the parts together; docs/protocols/metadata-log.md describes them.
"""
