"""What stands on disk: one pyarrow schema a file, every field described, versioned."""
