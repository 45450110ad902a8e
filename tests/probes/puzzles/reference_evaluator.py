"""The rules by which the reference's evaluation judges a reply, in our own words (mem-kk-logic, read for behaviour).

What is read is the text before a next question's heading and, if there is one, behind the marker of a conclusion and
before the next such marker; without a marker all of it, provided that it numbers every person. Text from a heading of
three hashes or a renewed attempt on does not count. The reply is wrong if it numbers one person more than there are, or
holds the letters "if" anywhere; otherwise it is right if it holds each clause of the solution's sentence.
"""

_QUESTION, _MARKER = "### Question", "CONCLUSION:"
_ENDS = ("### Reason", "Let's think step by step again", "let's go back and check", "###")


def is_right(reply: str, solution_text: str) -> bool:
    """Whether the reference's evaluation calls a reply right, given `solution_text` of the export."""
    clauses = [clause.strip() for clause in solution_text.replace(" and ", "").replace(".", "").split(",")]
    text = reply.split(_QUESTION)[0]
    parts = text.split(_MARKER)
    if len(parts) > 1 and parts[1]:
        text = parts[1]
    elif not all(f"({number})" in text for number in range(1, len(clauses) + 1)):
        return False
    for end in _ENDS:
        text = text.split(end)[0]
    if f"({len(clauses) + 1})" in text or "if" in text:
        return False
    return all(clause in text for clause in clauses)
