"""Scoring as tasks that each commit one file."""
