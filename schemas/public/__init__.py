"""Tables that may be published."""
