"""What bringing a corpus into order costs."""
