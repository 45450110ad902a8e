"""A checkpoint and one forward pass over it."""
