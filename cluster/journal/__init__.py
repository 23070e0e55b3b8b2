"""The durable state of the control plane; see docs/formats/cluster-journal.md."""
