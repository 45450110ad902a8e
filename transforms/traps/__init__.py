"""Candidates for copyright traps: generators, perplexity strata, rejection; and whether planted ones stand out."""
