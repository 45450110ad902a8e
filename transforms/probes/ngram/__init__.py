"""An n-gram model of a corpus: fitted to a sample of its documents, sampled from, and asked for probabilities."""
