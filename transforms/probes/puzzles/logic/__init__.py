"""Claims, solving and drawing."""
