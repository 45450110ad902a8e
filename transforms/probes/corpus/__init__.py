"""What candidates of any kind are held against: the texts of a corpus, and tokenizers."""
