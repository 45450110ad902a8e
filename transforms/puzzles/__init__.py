"""Knights-and-Knaves puzzles: logic, sampling, perturbation, canonical form and text."""
