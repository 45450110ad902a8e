"""Modular sums with a wrong result: what a model remembers against a rule that it could infer."""
