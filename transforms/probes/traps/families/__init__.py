"""Families: texts that differ from a candidate in a few words, one for each of its copies."""
