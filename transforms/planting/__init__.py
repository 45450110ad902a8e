"""Probes of any kind: key, seal, draw, proofs and the check of what was committed."""
