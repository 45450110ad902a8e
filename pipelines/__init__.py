"""What a user runs: one file a command, and the command line."""
