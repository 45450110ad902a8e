"""Tables of probes: what is refused of them, how their further columns are spelt, and what is known of their texts."""
