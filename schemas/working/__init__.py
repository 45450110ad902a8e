"""Tables between the stages of a run."""
