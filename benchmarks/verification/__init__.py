"""False positives, power and speed of the exact test."""
