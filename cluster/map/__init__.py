"""The cluster map: who the members are and who owns which slots, decided by the metadata log."""
