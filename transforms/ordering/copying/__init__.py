"""Rows copied to their places in two passes over files: spread, gather, and shards of tokens."""
