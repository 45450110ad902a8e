"""The run of `trapline order`."""
