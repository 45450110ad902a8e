"""Words, sentences and simplified texts of English as datatrove has them, which its judges take part by part."""

import contextlib
import itertools
from typing import Any

from transforms.certify.judges.joints import Joints
from transforms.certify.judges.parts import Parts, Token
from transforms.certify.judges.remembered import remembered
from transforms.certify.judges.simple import Simple

_MADE: list[tuple[Parts, Simple]] = []


def parts_of_texts() -> Parts:
    """Words and sentences as datatrove's tokenizer has them, which every user of it in this process now gets."""
    return _made()[0]


def simple_texts() -> Simple:
    """Texts as datatrove simplifies them by default."""
    return _made()[1]


def _made() -> tuple[Parts, Simple]:
    if not _MADE:
        from datatrove.utils.text import TextNormConfig, simplify_text

        parts, accents = _taken_over(), TextNormConfig(norm_unicode_diacritics=False)
        _MADE.append((parts, Simple(lambda text: simplify_text(text, accents), parts)))
    return _MADE[0]


def _taken_over() -> Parts:
    """Put the parts in place of the methods of datatrove's English tokenizer.

    What spaCy finds out about a word that it has not met takes most of its time. Of that only whether the word is
    punctuation is asked for.
    """
    from datatrove.utils.typeshelper import Languages
    from datatrove.utils.word_tokenizers import load_word_tokenizer
    from spacy.attrs import IS_PUNCT
    from spacy.tokenizer import Tokenizer

    own: Any = load_word_tokenizer(Languages.english)
    language = own.tokenizer
    language.memory_zone = contextlib.nullcontext
    getters = language.vocab.lex_attr_getters
    for attribute in list(getters):
        if attribute != IS_PUNCT:
            del getters[attribute]
    marks = language.get_pipe("sentencizer").punct_chars

    def tokens_of(parts: list[str]) -> list[list[Token]]:
        """A line break between two parts keeps special cases from being looked for across them."""
        ends = list(itertools.accumulate(len(part) + 1 for part in parts))
        own: list[list[Token]] = [[] for _ in parts]
        part = at = 0
        for one in language.tokenizer("\n".join(parts)):
            if one.idx + 1 == ends[part]:
                part, at = part + 1, ends[part]
            else:
                own[part].append(Token(one.idx - at, one.text, one.text in marks, one.is_punct))
        return own

    take = language.tokenizer
    searches = {name: getattr(take, name) for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match")}
    bare = Tokenizer(language.vocab, {}, **searches)
    special = {one: [token.text for token in bare(one)] for one in take.rules if not one.isspace()}
    parts = Parts(tokens_of, Untouched(), Joints(special))
    own.word_tokenize, own.span_tokenize, own.sent_tokenize = parts.words, parts.spans, parts.sentences
    return parts


class Untouched:
    """A tokenizer as datatrove makes it, of one judge alone: what it says of some words depends on what it has met."""

    def word_tokenize(self, text: str) -> list[str]:
        """The words of a text."""
        found: list[str] = self._own.word_tokenize(text)
        return found

    def sent_tokenize(self, text: str) -> list[str]:
        """The sentences of a text, without white space around them."""
        found: list[str] = self._own.sent_tokenize(text)
        return found

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each sentence, in characters."""
        found: list[tuple[int, int]] = self._own.span_tokenize(text)
        return found

    @property
    def _own(self) -> Any:
        """Made for the first text of a judge, and forgotten with what the judge remembers."""
        return remembered(_made_anew, "tokenizer of whole texts")("")


def _made_anew(_: str) -> Any:
    from datatrove.utils.word_tokenizers import SpaCyTokenizer

    return SpaCyTokenizer("en")
