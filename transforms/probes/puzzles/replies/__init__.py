"""Python API: put puzzles to a model, read its replies, and measure what it memorised. No command uses this room.

Ask with `prompts`, read the replies with `answers`, or score without generation with the texts of `assignments`; then
compare planted with held-out puzzles with `limem`. Each module begins with an example.
"""
