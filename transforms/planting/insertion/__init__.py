"""Putting a copy into a text."""
