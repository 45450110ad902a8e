"""Which documents take which copies."""
