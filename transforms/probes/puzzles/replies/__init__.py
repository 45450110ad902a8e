"""Prompts, and reading what a model answers."""
