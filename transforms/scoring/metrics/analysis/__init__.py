"""Metrics of finished scores."""
