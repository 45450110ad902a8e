"""Attacks: what someone without secrets can compute of a planted corpus to tell planted sentences from others."""
