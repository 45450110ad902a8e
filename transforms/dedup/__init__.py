"""Near-duplicate removal: shingles, MinHash, buckets and the choice of survivors."""
