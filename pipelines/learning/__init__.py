"""The run of `trapline dynamics`."""
