"""Judges that look for what a corpus holds more than once."""
