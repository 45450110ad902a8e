"""Speed and memory of scoring and generation."""
