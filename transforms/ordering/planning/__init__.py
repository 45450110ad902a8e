"""When each row is seen: schedules, rules and the order that follows from them, on row numbers alone."""
