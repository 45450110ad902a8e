"""The run of `trapline score`."""
