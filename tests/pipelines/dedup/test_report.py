import copy
import dataclasses
import functools
import itertools
import os
import pickle
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.corpus.facts import DedupFacts, Example, Timing
from pipelines.corpus.summaries import Cluster, Clusters, Comparisons, Similarity
from pipelines.pages import plots
from pipelines.pages.dedup_page import report_html, report_page
from pipelines.pages.differences import MOST_CHARACTERS, differences
from pipelines.pages.page import Page, render
from pipelines.pages.scales import round_ticks, tick_labels
from pipelines.running.progress import StageTime
from transforms.corpus.input.addresses import address
from transforms.corpus.output.manifest import Counts

HOSTILE = "</svg></style><script>alert('x')</script>\"'><img src=x onerror=y>{{ 7*7 }} $x_1$ &amp; \x00\u202e\ud800 文"
SHOWN = HOSTILE.replace("\x00", "\ufffd").replace("\u202e", "\ufffd").replace("\ud800", "\ufffd")
FACTS = DedupFacts(
    counts=Counts(
        documents_in=57_631,
        bytes_in=530_123_456,
        kept=31_204,
        bytes_kept=301_000_000,
        removed={"exact": 1_204, "near": 25_219},
        removed_bytes={"exact": 3_000_000, "near": 226_000_000},
        quarantined={"null_text": 3, "broken_json": 1},
    ),
    clusters=Clusters(
        sizes={2: 700, 3: 80, 4: 20, 12: 5, 1833: 1},
        largest=(Cluster(address(3, 1_204), "first", 1_833), Cluster(address(0, 7), None, 12)),
    ),
    similarity=Similarity(edges=(0.7, 0.8, 0.9, 1.0), counts=(0, 1_000, 4_000)),
    comparisons=Comparisons(pairs=123_456, capped_buckets=0, capped_documents=0),
    timing=Timing(
        seconds=12.3,
        compile_seconds=0.0,
        resumed=False,
        threads=2,
        stages=(
            StageTime("scan", seconds=4.0, bytes=530_123_456, documents=57_631),
            StageTime("plan", seconds=1.0, documents=57_631),
        ),
        peak_rss_bytes=912_000_000,
    ),
    config={"threshold": 0.8, "keep": "first", "tokenizer": ""},
    versions={"trapline": "0.1.0", "numpy": "2.4.6"},
    input=("a.parquet",),
    output="out",
)
EXAMPLES = (Example("a red fox", "a blue fox", 0.87, "r1", "k1"),)


class Reader(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.style, self.open = set(), [], "", "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.open.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag):
        assert tag in self.open
        while self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data


def changed(**parts):
    return dataclasses.replace(FACTS, **parts)


@functools.cache
def whole_page():
    return report_page(FACTS, EXAMPLES)


def titles(facts, examples=EXAMPLES):
    return [block.title for block in report_page(facts, examples).blocks]


def rows(title):
    [found] = [block.rows for block in whole_page().blocks if block.title == title]
    return found


def with_hostile_text():
    """The facts with hostile text in the place of every string, and as the name of every reason but the known ones."""
    clusters = dataclasses.replace(FACTS.clusters, largest=(Cluster(7, HOSTILE, 12),))
    stages = tuple(dataclasses.replace(stage, name=HOSTILE) for stage in FACTS.timing.stages)
    return changed(
        command=HOSTILE,
        counts=dataclasses.replace(FACTS.counts, quarantined={HOSTILE: 3}),
        clusters=clusters,
        timing=dataclasses.replace(FACTS.timing, stages=stages),
        config={**FACTS.config, "keep": HOSTILE},
        versions={"trapline": HOSTILE, HOSTILE: HOSTILE},
    ), (Example(HOSTILE, HOSTILE, 0.9, HOSTILE, HOSTILE),)


def shapes(svg):
    """Left, right, top and bottom of each bar or column."""
    found = []
    for shape in ET.fromstring(svg).iter("rect"):
        x, y, width, height = (float(shape.get(name)) for name in ("x", "y", "width", "height"))
        found.append((x, x + width, y, y + height))
    return found


def said(svg):
    """The title and the description of a plot, for readers who do not see it."""
    tree = ET.fromstring(svg)
    assert tree.get("role") == "img"
    return [tree.findtext("title"), tree.findtext("desc")]


def test_the_summary_says_what_happened():
    page = whole_page()
    said = page.summary.replace("\u00a0", " ")
    assert said == "57,631 documents in, 31,204 kept, 26,423 removed as duplicates, 4 in quarantine."
    assert "12.3 s on 2 threads" in page.lead
    assert {tile.label: tile.value for tile in page.tiles} == {
        "Documents removed": "45.8 %",
        "Text kept": "301 MB",
        "Clusters": "806",
        "Speed": "43.1 MB/s",
        "Time": "12.3 s",
        "Peak memory": "912 MB",
        "Pairs compared": "123,456",
    }


def test_the_parts_of_the_bar_make_the_whole():
    parts = whole_page().parts
    assert [part.label for part in parts] == ["kept", "near-duplicate", "exact duplicate", "in quarantine"]
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_the_tables_hold_the_counts():
    assert rows("Removed, by reason") == [
        ["exact duplicate", "1,204", "2.1 %", "3.00 MB", "0.6 %"],
        ["near-duplicate", "25,219", "43.8 %", "226 MB", "42.6 %"],
        ["all", "26,423", "45.8 %", "229 MB", "43.2 %"],
    ]
    assert rows("The largest clusters") == [
        ["first", "1,833", "3", "1,204", str(address(3, 1_204))],
        ["—", "12", "0", "7", "7"],
    ]


def test_a_capped_comparison_is_said_at_the_top():
    assert whole_page().warnings == []
    capped = changed(comparisons=Comparisons(pairs=1, capped_buckets=1, capped_documents=100_000))
    [warning] = report_page(capped, ()).warnings
    assert "1 bucket (100,000 documents)" in warning


def test_hostile_text_stays_text():
    html = report_html(*with_hostile_text())
    html.encode()
    plain, hostile = Reader(render(whole_page())), Reader(html)
    assert hostile.tags <= plain.tags | {"i"}
    assert not hostile.tags & {"script", "img", "iframe", "object", "form", "base", "use", "image"}
    assert not {name for _, name, _ in hostile.attributes} & {"src", "onerror", "xlink:href", "action", "id"}
    assert {value for _, name, value in hostile.attributes if name == "href"} == {"data:,"}
    assert hostile.style == plain.style
    # Once in each: title, kicker, ids, captions, versions, ... and word by word in the two example texts.
    assert hostile.text.count(SHOWN) >= 8
    assert hostile.text.count("alert('x')") > hostile.text.count(SHOWN)


def test_the_page_asks_for_nothing_from_elsewhere():
    html = render(whole_page())
    assert "http://" not in html
    assert "https://" not in html
    assert not re.search(r"url\(|@import|<script|//fonts|srcset", html)
    policy = html.index("Content-Security-Policy")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in html[policy : policy + 200]
    assert policy < html.index("<style>")


def test_a_part_about_nothing_is_left_out():
    nothing = changed(
        counts=dataclasses.replace(
            FACTS.counts, removed={"exact": 0, "near": 0}, removed_bytes={"exact": 0, "near": 0}, quarantined={}
        ),
        clusters=Clusters({}, ()),
        similarity=Similarity((0.7, 0.8), (0,)),
    )
    assert titles(nothing, ()) == [
        "Where the time went",
        "How fast each stage was",
        "Removed, by reason",
        "Configuration",
        "Versions",
    ]


def test_a_corpus_without_documents_makes_a_page():
    none = {"exact": 0, "near": 0}
    counts = Counts(0, 0, 0, 0, none, none, {})
    page = report_page(changed(counts=counts, clusters=Clusters({}, ()), similarity=Similarity((0.7, 0.8), (0,))), ())
    assert page.parts == []
    assert Reader(render(page)).text


def test_the_histogram_begins_shortly_below_the_threshold():
    edges, counts = tuple(i / 100 for i in range(101)), [0] * 80 + [5] * 20
    texts = Reader(report_html(changed(similarity=Similarity(edges, tuple(counts))), ())).text
    assert "0.70" in texts
    assert "0.65" not in texts
    # Unless something is there: components join documents that are not similar themselves.
    counts[42] = 1
    assert "0.5" in Reader(report_html(changed(similarity=Similarity(edges, tuple(counts))), ())).text


def test_a_stage_that_was_done_before_has_no_speed():
    stages = (StageTime("scan", seconds=0.01, bytes=10**9, resumed=True),)
    resumed = changed(timing=dataclasses.replace(FACTS.timing, stages=stages, resumed=True))
    assert "How fast each stage was" not in titles(resumed)
    assert "Speed" not in [tile.label for tile in report_page(resumed, ()).tiles]
    assert "mb_per_second" not in resumed.to_json()


def test_compiling_is_said_and_does_not_count_as_speed():
    first = changed(timing=dataclasses.replace(FACTS.timing, seconds=20.3, compile_seconds=8.0))
    assert FACTS.to_json()["mb_per_second"] == first.to_json()["mb_per_second"] == pytest.approx(530.123456 / 12.3)
    assert first.to_json()["compile_seconds"] == 8.0
    assert "compile" in report_page(first, ()).lead
    assert "compile" not in report_page(FACTS, ()).lead


def test_two_reports_of_the_same_facts_are_the_same_bytes():
    assert report_html(FACTS, EXAMPLES) == report_html(copy.deepcopy(FACTS), EXAMPLES)


SCRIPT = """
import pathlib, pickle, sys
sys.path.insert(0, sys.argv[2])
sys.modules["matplotlib"] = None  # importing it is an error
import pipelines.pages.dedup_page
html = pipelines.pages.dedup_page.report_html(*pickle.loads(bytes.fromhex(sys.stdin.read())))
pathlib.Path(sys.argv[1]).write_bytes(html.encode())
"""


def in_fresh_process(path, folder, **environment):
    root = str(Path(plots.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, path, root],
        input=pickle.dumps((FACTS, EXAMPLES)).hex(),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_report_does_not_depend_on_the_user_and_needs_no_library_of_plots(tmp_path):
    here = report_html(FACTS, EXAMPLES).encode()
    in_fresh_process(tmp_path / "b.html", tmp_path, HOME="/dev/null/none", LC_ALL="C", PYTHONHASHSEED="7")
    assert here == (tmp_path / "b.html").read_bytes()


RUN = """
import sys
sys.path.insert(0, sys.argv.pop())
sys.modules["matplotlib"] = None  # importing it is an error
from pipelines.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_needs_no_library_of_plots(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a red fox"}\n{"text": "a red fox"}\n{"text": "a blue hen"}\n')
    command = ["dedup", "--input", "in.jsonl", "--output", "out", "--threads", "1"]
    root = str(Path(plots.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command, root], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "out/report.html").read_text()


def test_bars_are_as_long_as_their_values():
    svg = plots.bars(["a", "b", "c"], [1, 2, 4], ["one", "two", "<four>"], label='bars "&"')
    lengths = [right - left for left, right, _, _ in shapes(svg)]
    assert [length / lengths[0] for length in lengths] == pytest.approx([1, 2, 4], abs=1e-3)
    tree = ET.fromstring(svg)
    assert [text.text for text in tree.iter("text")] == ["a", "one", "b", "two", "c", "<four>"]
    assert said(svg) == ['bars "&"', "3 bars. a: one; b: two; c: <four>."]


def test_columns_of_a_histogram_are_as_tall_as_their_counts():
    svg = plots.histogram([0, 1, 2, 3, 4], [5, 0, 20, 10], label="h", xlabel="x <y>", marker=(2, "here"))
    heights = [bottom - top for _, _, top, bottom in shapes(svg)]
    assert [height / heights[0] for height in heights] == pytest.approx([1, 0, 4, 2], abs=1e-3)
    texts = [text.text for text in ET.fromstring(svg).iter("text")]
    assert {"x <y>", "here", "20"} <= set(texts)
    title, description = said(svg)
    assert title == "h"
    assert "4 columns by x <y>, from 0 to 4.00, of 35 in all. The tallest, of 20," in description


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_bars_and_columns_are_in_proportion_to_any_values(values):
    columns = shapes(plots.histogram(list(range(len(values) + 1)), values, label="h", xlabel="x"))
    across = shapes(plots.bars(["a"] * len(values), values, ["b"] * len(values), label="b"))
    for drawn in ([bottom - top for _, _, top, bottom in columns], [right - left for left, right, _, _ in across]):
        tallest = max(drawn)
        # Coordinates have two decimals.
        assert drawn == pytest.approx([value / (max(values) or 1) * tallest for value in values], abs=0.02)
        assert (tallest > 100) == any(values)
    assert {left for left, _, _, _ in across} == {across[0][0]}


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e6), st.integers(2, 8))
@settings(max_examples=100)
def test_ticks_are_few_evenly_spaced_and_within_the_axis(low, span, most):
    ticks = round_ticks(low, low + span, most)
    assert most / 2.5 - 1 <= len(ticks) <= most + 1
    assert all(low - 1e-6 * span <= tick <= low + span + 1e-6 * span for tick in ticks)
    assert len(set(tick_labels(ticks))) == len(ticks)
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps) if steps else [], rel=1e-6)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_any_counts_can_be_drawn_with_few_ticks(counts):
    svg = plots.histogram([float(i) for i in range(len(counts) + 1)], counts, label="h", xlabel="x")
    assert len(shapes(svg)) == len(counts)
    marks = [text for text in ET.fromstring(svg).iter("text") if text.get("text-anchor") == "end"]
    assert 1 <= len(marks) <= 6
    assert len({mark.text for mark in marks}) == len(marks)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "\"'&</svg>\u202e", "$", r"$\frac{1$", "文 🎉", "#0a0b01"]
)
def test_any_text_can_stand_in_a_plot(text):
    svg = plots.bars([text, "b"], [1, 0], [text, ""], label=text)
    texts = [found.text for found in ET.fromstring(svg).iter("text")]
    assert text[:15] in texts[0]
    assert text[:15] in texts[1]
    assert said(svg)[0] == text


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.bars([], [], [], label="x"),
        lambda: plots.bars(["a"], [1, 2], ["a"], label="x"),
        lambda: plots.histogram([0, 1], [], label="x", xlabel="x"),
        lambda: plots.histogram([0, 1], [1, 2], label="x", xlabel="x"),
    ],
)
def test_plots_without_matching_data_are_refused(draw):
    with pytest.raises(ValueError):
        draw()


WORDS = st.lists(st.sampled_from(["a", "bc", " ", "  ", "\n", ".", "文", "字", "é"]), max_size=30).map("".join)


@given(WORDS, WORDS)
def test_differences_cover_both_texts_and_leave_the_same_rest(left, right):
    ours, theirs = differences(left, right)
    assert "".join(span.text for span in ours) == left
    assert "".join(span.text for span in theirs) == right
    same = ["".join("".join(s.text for s in side if not s.differs).split()) for side in (ours, theirs)]
    assert same[0] == same[1]
    assert all(a.differs != b.differs for side in (ours, theirs) for a, b in itertools.pairwise(side))


def test_differences_are_by_word_and_by_character_where_there_are_no_spaces():
    ours, theirs = differences("the old red fox, 日本語", "the new big fox, 日中語")
    assert [span.text for span in ours if span.differs] == ["old red", "本"]
    assert [span.text for span in theirs if span.differs] == ["new big", "中"]


def test_a_late_difference_in_long_texts_is_shown():
    start = "the same words again and again, " * 1_000
    ours, theirs = differences(start + "then left " + start, start + "then right " + start)
    assert [span.text for span in ours if span.differs][:1] == ["left"]
    assert [span.text for span in theirs if span.differs][:1] == ["right"]
    assert all(sum(len(span.text) for span in side) <= MOST_CHARACTERS + 4 for side in (ours, theirs))


def test_a_page_of_another_command_uses_the_same_frame():
    page = Page(title="t", kicker="trapline verify", summary="Nothing was planted.")
    reader = Reader(render(page))
    assert "Nothing was planted." in reader.text
    assert not reader.tags & {"svg", "table", "dl"}
