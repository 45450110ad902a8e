"""Knights and Knaves puzzles."""
