"""The plan for corpora of any size: many tasks of bounded memory, with committed files between them."""
