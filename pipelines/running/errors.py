"""What ends a command early, and with which exit code."""


class UsageError(Exception):
    """The command was not called rightly: exit code 2. The message says what to change."""


class RunError(Exception):
    """The command could not do its work: exit code 1. The message says what was found and what to do."""
