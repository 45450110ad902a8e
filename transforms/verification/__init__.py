"""From scores and a draw to a statement with an exact error rate."""
