"""Scoring: checkpoints, batches, token statistics, generation and metrics of memorisation."""
