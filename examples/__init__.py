"""Programs that show what trapline does; nothing here is part of the product."""
