"""From scores and secrets to a verdict."""
