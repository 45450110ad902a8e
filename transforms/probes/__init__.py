"""Kinds of probe."""
