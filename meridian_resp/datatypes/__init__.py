"""Live values and the databases that hold them; what a command reads and what effects change."""
