"""Side by side with peers; every figure of the README has its command here."""
