"""Plans: from the map and the live members to what should move, and which step is next."""
