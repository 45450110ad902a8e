"""Certified edits of a puzzle."""
