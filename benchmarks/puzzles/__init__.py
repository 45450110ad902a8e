"""Speed of puzzles, and what models learn of planted ones."""
