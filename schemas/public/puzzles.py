"""Knights-and-Knaves puzzles with their perturbations: one row a puzzle and language."""

import pyarrow as pa

from schemas.described import field, schema

_TEXT = pa.large_string()
EDITS = {
    "statement": "another claim of one speaker, and another solution",
    "leaf": "another leaf in one claim, and another solution",
    "control": "another claim of the speaker of the statement edit, and the same solution",
}
SEVERAL_EDITS = ("statement", "leaf")
"""Edits of which a puzzle may have several."""
MESSAGES = pa.list_(pa.struct([("role", pa.large_string()), ("content", pa.large_string())]))
"""Messages as chat templates take them: 'system' with the instruction, 'user' with the puzzle, 'assistant'."""
FURTHER = pa.list_(
    pa.struct(
        [
            ("kind", pa.string()),
            ("number", pa.int32()),
            ("quiz", _TEXT),
            ("claims", pa.list_(pa.int16())),
            ("solution", pa.list_(pa.bool_())),
            ("solution_text", _TEXT),
            ("thought", _TEXT),
            ("speaker", pa.int32()),
            ("hamming", pa.int32()),
            ("distance", pa.int32()),
            ("class", pa.string()),
        ]
    )
)
"""Edits after the first: statement or leaf, a number from 2, and what the columns of an edit hold."""
VARIANTS = {
    "role_pair": "another pair of roles",
    "flipped": "the pair of roles exchanged: who usually lies tells the truth",
    "uncommon": "uncommon names",
    "reordered": "the statements in another order",
}


def _edit(name: str, meaning: str) -> list[pa.Field]:
    return [
        field(
            f"{name}_status",
            pa.int8(),
            f"1: there is {meaning}; 0: it is certain that there is none; -1: none was found",
        ),
        field(f"{name}_quiz", _TEXT, f"the question after the edit: {meaning}", nullable=True),
        field(f"{name}_claims", pa.list_(pa.int16()), "all claims after the edit", nullable=True),
        field(f"{name}_solution", pa.list_(pa.bool_()), "who tells the truth after the edit", nullable=True),
        field(f"{name}_solution_text", _TEXT, "the same in words, a line a person", nullable=True),
        field(f"{name}_thought", _TEXT, "chain of thought, a line a step", nullable=True),
        field(f"{name}_speaker", pa.int32(), "whose claim was edited, from 0", nullable=True),
        field(f"{name}_hamming", pa.int32(), "people whose role changed", nullable=True),
        field(f"{name}_distance", pa.int32(), "tokens of the claim inserted, deleted or replaced", nullable=True),
        field(f"{name}_nodes", pa.int32(), "assignments that the search tries; -1 over its limit", nullable=True),
        field(f"{name}_class", pa.string(), "class of the edited puzzle", nullable=True),
    ]


PUZZLES = schema(
    "puzzles",
    2,
    [
        field("id", pa.string(), "people, index and language"),
        field("people", pa.int32(), "people in the puzzle"),
        field("index", pa.int64(), "number of the puzzle among those of its size; with the seed it makes it again"),
        field("language", pa.string(), "of all texts"),
        field("class", pa.string(), "128-bit hash, the same for puzzles that are renamings of each other"),
        field("quiz", _TEXT, "the question"),
        field(
            "claims",
            pa.list_(pa.int16()),
            "claims one after another in prefix order: 2i: i tells the truth, 2i + 1: i lies, -1 not, -2 ->, -3 <=>, "
            "-2k and of k, -2k - 1 or of k",
        ),
        field("solution", pa.list_(pa.bool_()), "who tells the truth"),
        field("solution_text", _TEXT, "the same in words, a line a person"),
        field("thought", _TEXT, "chain of thought, a line a step; null where the search was too long", nullable=True),
        field("prompt", MESSAGES, "instruction (system) and question (user) for a chat model"),
        field("completion", MESSAGES, "what it should reply: the marker and the solution (assistant)"),
        field("wrong_solution", pa.list_(pa.bool_()), "an assignment that is not the solution, drawn uniformly"),
        field("wrong_solution_text", _TEXT, "the same in words, a line a person"),
        field("names", pa.list_(_TEXT), "of the people"),
        field("truthful", _TEXT, "what those are called who tell the truth"),
        field("lying", _TEXT, "what those are called who lie"),
        field("knights", pa.int32(), "people who tell the truth"),
        field("nodes", pa.int32(), "assignments that a depth-first search tries; -1 over its limit"),
        field(
            "propagation", pa.int32(), "most people assigned when the search meets a contradiction; -1 over its limit"
        ),
        field("depth", pa.int32(), "levels of the deepest claim"),
        field("width", pa.int32(), "operands of the widest operator"),
        *(one for name, meaning in EDITS.items() for one in _edit(name, meaning)),
        *(
            one
            for name, meaning in VARIANTS.items()
            for one in (
                field(f"{name}_quiz", _TEXT, f"the question with {meaning}", nullable=True),
                field(f"{name}_solution_text", _TEXT, f"its solution with {meaning}", nullable=True),
                field(f"{name}_names", pa.list_(_TEXT), f"names with {meaning}", nullable=True),
                field(
                    f"{name}_truthful",
                    _TEXT,
                    f"what those are called who tell the truth, with {meaning}",
                    nullable=True,
                ),
                field(f"{name}_lying", _TEXT, f"what those are called who lie, with {meaning}", nullable=True),
            )
        ),
        field("further_edits", FURTHER, "edits after the first of each kind, of other classes; none without --edits"),
    ],
)
