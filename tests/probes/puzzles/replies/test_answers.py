"""Replies read strictly: right answers in any dress, never both roles for one person, and our own texts read back."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting import takes_no_longer
from transforms.probes.puzzles.language.language import SLOT, TAGS, Language, load
from transforms.probes.puzzles.language.text import document, render_solution, render_thought
from transforms.probes.puzzles.language.wording import VARIANTS, Wording, draw
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import search
from transforms.probes.puzzles.replies.answers import read_answer, right_answers

ENGLISH = load("en")
KNIGHTS = ENGLISH.roles[0]
NAMES = ("Alice", "Bob", "Zoe")
SEED = b"a seed of these tests"


@pytest.mark.parametrize(
    "reply",
    [
        "CONCLUSION:\n(1) Alice is a knight\n(2) Bob is a knave\n(3) Zoe is a knight",
        "Some steps. CONCLUSION: Alice is a knight, Bob is a knave, and Zoe is a knight.",
        "**Conclusion:**\n- **Bob** is a *knave*.\n- **Zoe**: knight\n- **Alice** is a __knight__.",
        "### CONCLUSION\n\n1. ALICE IS A KNIGHT\n2. BOB IS A KNAVE\n3. ZOE IS A KNIGHT",
        "conclusion: alice is not a knave; bob isn't a knight; zoe is no knave",
        "conclusion: Alice isn\u2019t a knave. Bob can't be a knight. Zoe must be a knight.",
        "CONCLUSION:\n| person | role |\n|---|---|\n| Alice | knight |\n| Bob | knave |\n| Zoe | knight |",
        "CONCLUSION: $\\text{Alice} = \\text{knight}, \\text{Bob} \\neq \\text{knave}$".replace(r"\neq", "=")
        + "\n\\boxed{Zoe is a knight}",
        "CONCLUSION: Alice and Zoe are both knights, while Bob is a knave.",
        "CONCLUSION: Alice -> knight; Bob -> knave; Zoe -> knight",
        "CONCLUSION: Alice (knight), Bob (knave), Zoe (knight)",
        "CONCLUSION: Alice is a brave knight, Bob is a non-knight, and Zoe is the remaining knight.",
        "CONCLUSION: Alice is a knight, not a knave. Bob's role is knave. Zoe is definitely a knight.",
        "CONCLUSION: It is not true that Alice is a knave. It is false that Bob is a knight. Zoe != knave.",
        "Suppose Alice is a knave. Then Bob is a knight. No.\nCONCLUSION: Alice a knight, Bob a knave, Zoe a knight",
    ],
)
@pytest.mark.parametrize(
    "trailing",
    [
        "",
        "\n\nIf you want, I can explain it.",
        " If Alice were a knave, Bob would be a knight.",
        "\nBob says that Alice is a knave, which is false.",
        "\nIs Alice a knave? Certainly not!",
        "\nThe knave here is easy to spot, since knaves lie.",
        "\n\n### Question\nAlice is a knave. Bob is a knight.",
        "\nAlice is a knight, as I said.",
        "\nAlice is right about the knave, and Zoe accuses a knave.",
    ],
)
def test_a_right_answer_is_understood_whatever_surrounds_it(reply: str, trailing: str) -> None:
    assert read_answer(reply + trailing, NAMES, ENGLISH, KNIGHTS).solution == (True, False, True)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Alice is a knight, Bob is a knave, Zoe is a knight.",  # no marker
        "CONCLUSION:\nAlice is a knight\nBob is a knave",  # nobody says what Zoe is
        "CONCLUSION: Alice is a knight, Bob is a knave, Zoe might be a knight",
        "CONCLUSION: Alice is a knight, Bob is a knave, Zoe is a sage",
        "CONCLUSION: Alice is a knight, Bob is a knave. Is Zoe a knight?",
        "CONCLUSION: if Alice is a knight then Bob is a knave and Zoe is a knight",
        "CONCLUSION: knight, knave, knight",
    ],
)
def test_what_names_no_role_for_everybody_is_no_answer(reply: str) -> None:
    answer = read_answer(reply, NAMES, ENGLISH, KNIGHTS)
    assert answer.solution is None
    assert answer.contradicted == ()


@pytest.mark.parametrize(
    "reply",
    [
        "Alice is a knight and a knave",
        "Alice is either a knight or a knave",
        "Alice is neither a knight nor a knave",
        "Alice is a knight. Alice is a knave.",
        "Alice is a knight\nBob is a knave\nAlice: knave",
        "Alice and Bob are knights. Bob and Alice are knaves",
        "Alice is a knight. Alice is not a knight",
        "Alice is a knight. It is not true that Alice is a knight",
        "(1) ALICE IS A KNIGHT\n(2) alice is a **knave**",
        "Alice is a knight/knave",
        "Alice is a knight. Alice is a clever knave",
        "Alice is a knight.\n\nWait. CONCLUSION: Alice is a knave.",
    ],
)
def test_both_roles_for_one_person_are_no_answer(reply: str) -> None:
    answer = read_answer("CONCLUSION: Zoe is a knave. Bob is a knave. " + reply, NAMES, ENGLISH, KNIGHTS)
    assert answer.solution is None
    assert 0 in answer.contradicted


_LINKS = {
    "en": [("is {a}", True), ("is not {a}", False), (": {bare}", True), ("must be {a}", True), ("= {bare}", True),
           ("is therefore {a}", True), ("isn't {a}", False), ("| {bare}", True), ("cannot be {a}", False)],
    "de": [("ist {a}", True), ("ist {no}", False), (": {bare}", True), ("muss {a} sein", True), ("ist also {a}", True)],
    "fr": [("est {a}", True), ("n'est pas {a}", False), (" : {bare}", True), ("est donc {a}", True)],
}  # fmt: skip
_DRESS = ["{}", "**{}**", "(1) {}", "- {}", "> {}", "*{}*.", "`{}`", "| {} |", "{},"]


def some_names(names: Sequence[tuple[str, int]]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([name for name, _ in names]), min_size=2, max_size=5, unique=True)


@st.composite
def _asserted(draw_: st.DrawFn, language: Language, pair: int, name: str, truth: bool) -> str:
    """One assertion that `name` has a role, in one of many ways."""
    link, affirms = draw_(st.sampled_from(_LINKS[language.tag]))
    roles = language.roles[pair]
    role = roles.truth if truth == affirms else roles.lie
    gender = draw_(st.integers(0, len(language.genders) - 1))
    a, no = role.a[gender], role.no[gender]
    text = f"{name} " + link.format(a=a, no=no, bare=a.split()[-1])
    text = draw_(st.sampled_from([str, str.upper, str.lower, str.title]))(text) if "'" not in text else text
    return draw_(st.sampled_from(_DRESS)).format(text)


@pytest.mark.parametrize("opening", ["<A", "<b", "<td", "<del", "<think", "<answer"])
def test_no_tag_over_several_lines_hides_an_assertion(opening: str) -> None:
    reply = (
        f"CONCLUSION: Bob is a knave. Zoe is a knight.\nAlice is a knight.\n{opening}\nAlice is a knave.\n> So it is."
    )
    assert 0 in read_answer(reply, NAMES, ENGLISH, KNIGHTS).contradicted


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=150)
@given(data=st.data())
def test_no_reply_that_asserts_both_roles_is_ever_accepted(tag: str, data: st.DataObject) -> None:
    language = load(tag)
    pair = data.draw(st.integers(0, len(language.roles) - 1))
    names = [
        language.common[at][0] for at in data.draw(st.lists(st.integers(0, 99), min_size=2, max_size=4, unique=True))
    ]
    both = data.draw(st.sampled_from(names))
    said = [(name, data.draw(st.booleans())) for name in names] + [(both, True), (both, False)]
    noise = st.text(st.characters(exclude_characters="#", exclude_categories=("Cs",)), max_size=20)
    lines = [data.draw(_asserted(language, pair, name, truth)) for name, truth in data.draw(st.permutations(said))]
    reply = language.texts["conclusion.marker"] + "\n" + "\n".join(f"{line}\n{data.draw(noise)}" for line in lines)
    answer = read_answer(reply, names, language, language.roles[pair], data.draw(st.booleans()))
    assert answer.solution is None
    assert names.index(both) in answer.contradicted


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=100)
@given(data=st.data())
def test_an_answer_in_any_order_and_dress_is_read(tag: str, data: st.DataObject) -> None:
    language = load(tag)
    pair, flipped = data.draw(st.integers(0, len(language.roles) - 1)), data.draw(st.booleans())
    names = [
        language.uncommon[at][0] for at in data.draw(st.lists(st.integers(0, 99), min_size=2, max_size=6, unique=True))
    ]
    wanted = tuple(data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names))))
    lines = [
        data.draw(_asserted(language, pair, name, truth != flipped)) for name, truth in zip(names, wanted, strict=True)
    ]
    reply = "...\n" + language.texts["conclusion.marker"] + "\n" + "\n".join(data.draw(st.permutations(lines)))
    assert read_answer(reply, names, language, language.roles[pair], flipped).solution == wanted


@settings(max_examples=200)
@given(reply=st.text())
def test_any_text_at_all_is_read_without_an_error(reply: str) -> None:
    for marker in ("", "CONCLUSION:"):
        assert read_answer(marker + reply, NAMES, ENGLISH, KNIGHTS).solution is None


@pytest.mark.parametrize(
    "part", ["a", "!", "<", "~~", "<!--", "(1) ", "\\", "Ann, ", "knight ", "\n", " ", "if ", "'", "a-"]
)
def test_a_long_reply_takes_no_longer_than_its_length(part: str) -> None:
    """One reply of 64 kB against 32 of 2 kB: if the time were quadratic, 32 times theirs."""

    def read(size: int, times: int) -> None:
        for _ in range(times):
            read_answer("CONCLUSION: " + part * (size // len(part)), NAMES, ENGLISH, KNIGHTS)

    assert takes_no_longer(lambda: read(64_000, 1), lambda: read(2000, 32), 8)


def every_wording(language: Language, people: int = 5) -> tuple[Wording, np.ndarray]:
    """Wordings with every role pair and both flips, many times over, and the numbers of the puzzles."""
    cases = 2 * len(language.roles)
    index = np.arange(cases * 8)
    drawn = draw(index, people, language, SEED, "uncommon")
    pair, flipped = np.divmod(index % cases, 2)
    return Wording(
        language, drawn.names, pair.astype(np.int16), flipped.astype(np.bool_), drawn.order, drawn.intro,
        drawn.question, drawn.says, drawn.phrases, drawn.thoughts,
    ), index  # fmt: skip


def replayed(thought: str, names: list[str], language: Language, truth: str, lie: str) -> dict[str, bool]:
    """The roles at the end of a chain of thought, from its text alone."""

    def pattern(template: str) -> re.Pattern[str]:
        clause = language.clauses[language.forms[0]]["is"]
        text = template.replace("{is}", clause, 1).replace("{other_is}", ".*")
        text = re.sub(r"\\\{(\w+)\\\}", r"{\1}", re.escape(text.replace(".*", "\0")).replace("\0", ".*"))
        seen: set[str] = set()

        def group(slot: re.Match[str]) -> str:
            if slot[1] in seen or slot[1] not in ("name", "role"):
                return ".*"
            seen.add(slot[1])
            return f"(?P<{slot[1]}>.+?)"

        return re.compile(SLOT.sub(group, text))

    takes = [pattern(one) for key in ("take_truth", "take_lie") for one in language.templates[f"thought.{key}"]]
    backs = [pattern(one) for one in language.templates["thought.reconsider"]]
    words = {form: side for side, forms in ((True, truth), (False, lie)) for form in forms}
    taken: list[tuple[str, bool]] = []
    for line in thought.split("\n")[1:-1]:
        for found in filter(None, (one.fullmatch(line) for one in takes)):
            taken.append((found["name"], words[found["role"]]))
            break
        for found in filter(None, (one.fullmatch(line) for one in backs)):
            while taken.pop()[0] != found["name"]:
                pass
            break
    assert {name for name, _ in taken} == set(names)
    return dict(taken)


@pytest.mark.parametrize("tag", TAGS)
def test_our_own_texts_read_back_as_the_solution(tag: str) -> None:
    language = load(tag)
    wording, index = every_wording(language)
    puzzles = sample(5, b"seed", index, Grammar())
    conclusion, sentence = (render_solution(puzzles.solution, wording, form) for form in ("conclusion", "sentence"))
    thought = render_thought(puzzles, search(puzzles), wording)
    assert thought.null_count == 0
    whole = document(thought, conclusion, language)
    assert right_answers(whole.to_pylist(), wording, puzzles.solution).all()
    assert right_answers(conclusion.to_pylist(), wording, puzzles.solution, after_marker=True).all()
    assert right_answers(sentence.to_pylist(), wording, puzzles.solution, after_marker=True).all()
    assert not right_answers(whole.to_pylist(), wording, ~puzzles.solution).any()
    # The chain of thought by itself, replayed line by line, arrives there as well.
    for row, names in enumerate(wording.name_lists().to_pylist()):
        pair = language.roles[wording.pair[row]]
        truth, lie = (pair.lie, pair.truth) if wording.flipped[row] else (pair.truth, pair.lie)
        found = replayed(thought[row].as_py(), names, language, truth.a, lie.a)
        assert [found[name] for name in names] == puzzles.solution[row].tolist()


@pytest.mark.parametrize("tag", TAGS)
def test_every_thought_template_is_among_the_texts_read_back(tag: str) -> None:
    language = load(tag)
    wording, index = every_wording(language)
    puzzles = sample(5, b"seed", index, Grammar())
    text = "\n".join(render_thought(puzzles, search(puzzles), wording).to_pylist())
    for family, templates in language.templates.items():
        if family.startswith("thought."):
            for template in templates:
                rarest = max(SLOT.sub("\0", template).split("\0"), key=len)
                assert rarest in text, (family, template)


@pytest.mark.parametrize("tag", TAGS)
def test_every_variant_reads_back(tag: str) -> None:
    solution = np.random.default_rng(5).random((200, 6)) < 0.5
    for variant in VARIANTS:
        wording = draw(np.arange(200), 6, load(tag), SEED, variant)
        marker = load(tag).texts["conclusion.marker"]
        replies = [f"{marker}\n{lines}" for lines in render_solution(solution, wording).to_pylist()]
        assert right_answers(replies, wording, solution).all(), variant


def test_replies_are_one_a_puzzle_and_none_is_wrong() -> None:
    wording = draw(np.arange(2), 3, ENGLISH, SEED)
    solution = np.ones((2, 3), np.bool_)
    replies = render_solution(solution, wording).to_pylist()
    assert right_answers([replies[0], None], wording, solution, after_marker=True).tolist() == [True, False]
    with pytest.raises(ValueError, match="1 replies to 2 puzzles"):
        right_answers([None], wording, solution)
