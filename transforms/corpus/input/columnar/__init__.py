"""Columnar formats: Parquet and Arrow, whose files say their columns and count their rows."""
