"""Bring a corpus into training order: schedules, keyed shuffles, shards of tokens."""
