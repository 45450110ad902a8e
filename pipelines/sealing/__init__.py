"""Settings that `trapline seal` binds."""
