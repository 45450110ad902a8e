"""Copyright traps."""
