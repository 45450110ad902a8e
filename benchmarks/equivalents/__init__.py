"""What copies that differ leave in a model, and what is left after the model is changed."""
