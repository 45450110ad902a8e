"""Types of columns: as they are written, brought to one form and measured, and what files say of them."""
