"""What a user runs: one file per command, and the command line."""
