"""What judges compute once: each text's own, and what is fitted to the documents of training."""

from collections.abc import Sequence

from transforms.certify.judges.remembered import fitted_once, forget, remembered


def test_a_text_is_computed_once_for_all_functions_that_share_what_is_known() -> None:
    asked: list[str] = []

    def words(text: str) -> list[str]:
        asked.append(text)
        return text.split()

    first, second = remembered(words, "words"), remembered(words, "words")
    assert [first("a b"), first("c"), second("a b"), second("d"), first("d")] == [
        ["a", "b"],
        ["c"],
        ["a", "b"],
        ["d"],
        ["d"],
    ]
    assert asked == ["a b", "c", "d"]
    forget()
    assert second("c") == ["c"]
    assert asked == ["a b", "c", "d", "c"]


def test_some_texts_are_asked_every_time() -> None:
    asked: list[str] = []
    of = remembered(lambda text: asked.append(text) or len(text), "some", unless=lambda text: "x" in text)
    assert [of("ab"), of("x"), of("ab"), of("x")] == [2, 1, 2, 1]
    assert asked == ["ab", "x", "x"]


def test_functions_of_different_names_share_nothing() -> None:
    length, upper = remembered(len, "length"), remembered(str.upper, "upper")
    assert (length("ab"), upper("ab")) == (2, "AB")


def test_a_text_with_a_lone_surrogate_is_one_of_its_own() -> None:
    of = remembered(len, "surrogates")
    assert [of("\ud800"), of("\ud800a"), of("?")] == [1, 2, 1]


def test_a_model_is_fitted_again_for_other_documents_only() -> None:
    fits: list[Sequence[str]] = []

    @fitted_once
    def fit(corpus: Sequence[str]) -> int:
        fits.append(corpus)
        return len(corpus)

    one, other = ["a", "b"], ["c"]
    assert [fit(one), fit(one), fit(other), fit(one)] == [2, 2, 1, 2]
    assert fits == [one, other, one]
