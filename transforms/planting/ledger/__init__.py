"""What was planted, checked and taken out again."""
