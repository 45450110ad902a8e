"""The run of a command that makes probes."""
