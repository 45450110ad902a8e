"""Tables that stay among the secrets."""
