"""Statistics of the output layer."""
