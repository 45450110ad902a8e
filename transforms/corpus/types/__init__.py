"""Types of columns: as they are written, brought to one form, measured and described."""
