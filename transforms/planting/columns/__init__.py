"""Columns that follow the text."""
