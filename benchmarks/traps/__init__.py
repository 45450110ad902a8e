"""Cost of making traps, and traps in models trained from scratch."""
