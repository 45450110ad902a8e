"""Tables of probes: what is refused of them, how they are spelt, and their units, one by one and as columns."""
