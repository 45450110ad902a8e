"""Where the text of candidates comes from."""
