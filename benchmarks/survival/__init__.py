"""What is left of planted copies after the cleaning that trainers do."""
