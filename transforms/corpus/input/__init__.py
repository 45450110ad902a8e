"""Reading a corpus: sources, formats, addresses."""
