"""What suggests words for places in texts: the n-gram model of the corpus, or a masked language model."""
