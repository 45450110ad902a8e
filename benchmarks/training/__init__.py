"""What the trainers of `examples.training` cost."""
