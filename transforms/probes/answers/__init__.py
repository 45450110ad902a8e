"""Invented names and answers, for any kind of probe that is asked about."""
