"""Key, seal, commitment, draw and proofs."""
