"""Invented facts about invented people: seen once, again and again, or in other words each time."""
