"""JSON lines: blocks, lines, tables."""
