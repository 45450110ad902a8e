"""Judges: programs that clean a corpus, each behind one function of the same form."""
