"""A reply without its markup: words of one spelling, and line breaks where tags, rows or list items end.

Markup separates words: taking it out joins none. Struck-out text and reasoning in `<think>` are no part of a reply.
A tag ends on its line: a lone `<A` and a `>` that quotes a later line must not hide what stands between them.
"""

import html
import re
import unicodedata

_THOUGHT = re.compile(r"<(think|thinking|reasoning|scratchpad)\b[^<>\n]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_THOUGHT_END = re.compile(r"\A.*</(?:think|thinking|reasoning|scratchpad)\s*>", re.IGNORECASE | re.DOTALL)
_STRUCK = re.compile(
    r"~~.{1,4000}?~~|<(del|s|strike)\b[^<>\n]*>.{0,4000}?</\1\s*>|\\(?:sout|cancel|st)\{[^{}]*\}|<!--.{0,4000}?-->",
    re.DOTALL,
)
_ANSWER = re.compile(r"<answer\b[^<>\n]*>(.*?)(?:</answer\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(
    r"</?(?:b|i|u|em|strong|span|code|tt|mark|font|small|big|sup|sub|a|kbd|var)\b[^<>\n]*>", re.IGNORECASE
)
_CELL = re.compile(r"</?(?:td|th)\b[^<>\n]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>\n]*>", re.IGNORECASE)
_LATEX = (
    (re.compile(r"\\(?:neq?|not\s*=)(?![a-z])"), " != "),
    (re.compile(r"\\(?:lnot|neg)(?![a-z])"), " \u00ac "),
    (re.compile(r"\\(?:lor|vee)(?![a-z])"), " \u2228 "),
    (re.compile(r"\\(?:implies|Rightarrow|Longrightarrow)(?![a-z])"), " => "),
    (re.compile(r"\\(?:rightarrow|to|mapsto|longrightarrow)(?![a-z])"), " -> "),
    (re.compile(r"\\\\|\\newline(?![a-z])|\\item(?![a-z])|\\hline(?![a-z])"), "\n"),
    (re.compile(r"\\(?:begin|end)\s*\{[a-z*]*\}(?:\{[^{}]*\})?"), "\n"),
    (re.compile(r"\\[A-Za-z]+\*?"), " "),
)
_SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("\u2019\u2018\u02bc\u00b4`", "'"),
        **dict.fromkeys("\u2260", " != "),
        **dict.fromkeys("\u2192\u27f6\u21a6\u279c\u27a1", " -> "),
        **dict.fromkeys("\u21d2\u27f9", " => "),
        **dict.fromkeys("\u2013\u2014\u2212\u2015", " - "),
        **dict.fromkeys("\u2022\u25cf\u25e6\u25aa\u2023\u00b7", "\n"),
    }
)
_SIGNS = str.maketrans(dict.fromkeys('*_~#{}$\\[]"\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a^', " "))
_QUOTE_MARK = re.compile(r"^[ \t]*(?:>[ \t]*)+", re.MULTILINE)
_WORD_QUOTED = re.compile(r"(?<!\w)'|'(?!\w)")
_NUMBERED = re.compile(r"\(\d+\)|(?<![\w.])\d+[.)](?=\s)")


def answer_of(reply: str) -> tuple[str, str | None]:
    """A reply without thought and struck-out text, and what it has in `<answer>` tags; None without any."""
    text = _THOUGHT.sub("\n", html.unescape(reply))
    text = _STRUCK.sub(" ", _THOUGHT_END.sub("\n", text))
    answers = [found[1] for found in _ANSWER.finditer(text)]
    return text, "\n".join(answers) if answers else None


def plain(text: str) -> str:
    """Text without markup, with one kind of apostrophe, dash, arrow and space; letters keep their case."""
    text = unicodedata.normalize("NFKC", text.translate(_SPELLINGS)).replace("\r\n", "\n").replace("\t", " ")
    text = "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cf", "Cc"))
    text = _INLINE.sub(" ", text)
    text = _TAG.sub("\n", _CELL.sub(" | ", text))
    for pattern, put in _LATEX:
        text = pattern.sub(put, text)
    text = _QUOTE_MARK.sub("", text)
    text = _NUMBERED.sub("\n", text).translate(_SIGNS)
    return _WORD_QUOTED.sub(" ", text)


def folded(text: str) -> str:
    """`plain` in lower case: the spelling by which words are compared."""
    return unicodedata.normalize("NFKC", plain(text).casefold())
