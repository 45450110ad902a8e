"""Continuing prefixes."""
