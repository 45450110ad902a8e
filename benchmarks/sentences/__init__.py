"""Sentences at the protocol's size: made and judged on any machine, trained on a GPU without Beam and Arrow."""
