"""Deduplication side by side with peers, judged by exact similarities."""
