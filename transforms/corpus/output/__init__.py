"""Writing a corpus: shards, edits, cards."""
