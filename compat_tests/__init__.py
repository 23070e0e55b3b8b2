"""Differential tests: the same bytes to Meridian and to Redis, the replies compared."""
