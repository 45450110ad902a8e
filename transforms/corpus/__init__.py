"""Read, address, cut into shards, rewrite and account for a corpus."""
