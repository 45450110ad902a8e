"""The run of a command that rewrites a corpus."""
