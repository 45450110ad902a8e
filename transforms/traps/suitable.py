"""What a candidate must look like: one plain line."""

UNSUITABLE = r"[\p{Cc}\p{Co}\p{Cn}\u2028\u2029\ufffd\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Control characters, private or unassigned ones, line ends, marks of direction, replacements (Rust regex)."""

ENDS = r"^\w(?s:.*\w)?$"
"""Word characters at both ends, so that planting can set a candidate apart from its neighbours (Rust regex)."""
