"""Object stores: their addresses, their clients, and files that appear there whole or not at all."""
