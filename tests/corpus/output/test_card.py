import copy
import dataclasses
import json
import tomllib

import datasets
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from transforms.base import toml
from transforms.corpus.input.addresses import address
from transforms.corpus.output.card import dataset_card
from transforms.corpus.output.manifest import Manifest

CONFIG = {
    "text_column": "text",
    "id_column": "id",
    "threshold": 0.8,
    "num_perm": 256,
    "ngram": 5,
    "bands": 28,
    "rows": 9,
    "keep": "first",
    "method": "survivors",
    "split": "train",
    "shard_bytes": 1 << 28,
    "strict": False,
    "tokenizer": "",
    "compression": "zstd",
}
DOCUMENT = {
    "schema": "trapline.manifest",
    "version": 2,
    "command": "dedup",
    "run": "0123456789abcdef0123456789abcdef",
    "content": {
        "config": CONFIG,
        "versions": {"trapline": "0.1.0", "pyarrow": "25.0.1"},
        "input": [{"path": "a.parquet"}, {"path": "b.jsonl.gz"}],
        "schema": [{"name": "id", "type": "string"}, {"name": "tags", "type": "list<item: string>"}],
        "counts": {
            "documents_in": 94_000,
            "bytes_in": 530_123_456,
            "kept": 61_204,
            "bytes_kept": 301_123_456,
            "removed": {"exact": 1_204, "near": 31_589},
            "removed_bytes": {"exact": 3_000_000, "near": 226_000_000},
            "quarantined": {"null_text": 3},
        },
        "shards": [
            {
                "path": "data/train-00000-of-00001.parquet",
                "rows": 61_204,
                "bytes": 162_000_000,
                "text_bytes": 301_123_456,
                "sha256": "ab" * 32,
            }
        ],
        "files": [],
    },
}
MANIFEST = Manifest.parse(DOCUMENT)
COUNTS = MANIFEST.counts
HOSTILE = "a | b\n# <script>alert(1)</script> & `x` *y* __z__ [l](h) ![i](s) ~~s~~ \\ 文 ü\u202e\ud800 --- .parquet"


def changed(**content):
    document = copy.deepcopy(DOCUMENT)
    document["content"].update(content)
    return Manifest.parse(document)


def tokens(card):
    body = card.split("\n---\n", 1)[1]
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)


def tables(card):
    """The rows of every table, as a reader sees their cells."""
    found = []
    for token in tokens(card):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and token.level >= 4:
            found[-1][-1].append("".join(child.content for child in token.children))
    return found


def blocks(card, language):
    return [token.content for token in tokens(card) if token.type == "fence" and token.info == language]


def header(card):
    return DatasetCard(card).data.to_dict()


def test_the_header_names_the_shards_as_the_only_data():
    found = header(dataset_card(MANIFEST))
    assert found["configs"][0].pop("description").startswith("shards ")
    assert found == {
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]},
        ],
        "size_categories": ["10K<n<100K"],
        "tags": ["deduplicated", "trapline"],
    }


@pytest.mark.parametrize(
    ("kept", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (10**6, "1M<n<10M"),
        (10**12 - 1, "100B<n<1T"),
        (10**12, "n>1T"),
    ],
)
def test_the_size_category_is_that_of_the_kept_documents(kept, category):
    manifest = dataclasses.replace(MANIFEST, counts=dataclasses.replace(COUNTS, kept=kept))
    assert header(dataset_card(manifest))["size_categories"] == [category]


@pytest.mark.parametrize("split", ["no", "1", "null", 'a"b', "x: y", "größe"])
def test_a_split_stays_a_string_in_the_header(split):
    card = dataset_card(changed(config=CONFIG | {"split": split}))
    assert header(card)["configs"][0]["data_files"] == [{"split": split, "path": f"data/{split}-*"}]


def test_the_counts_add_up_in_the_table():
    table = tables(dataset_card(MANIFEST))[0]
    assert table == [
        ["", "Documents", "Share", "Text"],
        ["In", "94,000", "100 %", "530 MB"],
        ["Removed: exact duplicate", "1,204", "1.3 %", "3.00 MB"],
        ["Removed: near-duplicate", "31,589", "33.6 %", "226 MB"],
        ["Quarantined: null text", "3", "< 0.1 %", ""],
        ["Kept", "61,204", "65.1 %", "301 MB"],
    ]


def test_the_settings_are_said_in_words():
    card = dataset_card(MANIFEST)
    for said in ("at least 0.8.", "5 consecutive words", "28 bands of 9 rows", "comes first in the input"):
        assert said in card
    # (1 - 0.85**9)**28 = 0.00063
    assert "similarity 0.85 agrees in none of them with a probability of 0.063 %" in card
    assert "not along a chain" in card


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"keep": "longest"}, "the longest one"),
        ({"keep": "max:stars|`x`"}, "the one with the largest `` stars|`x` ``"),
        ({"tokenizer": "t.json"}, "5 consecutive tokens"),
        ({"method": "components"}, "passed on along chains"),
    ],
)
def test_other_settings_are_said_as_they_are(config, said):
    assert said in dataset_card(changed(config=CONFIG | config))


def test_the_configuration_reads_back():
    [block] = blocks(dataset_card(MANIFEST), "toml")
    assert tomllib.loads(block) == {"dedup": CONFIG}


def test_a_card_is_the_same_every_time():
    assert dataset_card(MANIFEST) == dataset_card(Manifest.parse(json.loads(json.dumps(DOCUMENT))))


def test_a_manifest_reads_back():
    assert json.loads(json.dumps(MANIFEST.to_json())) == DOCUMENT
    tokenized = dataclasses.replace(MANIFEST, tokenizer_sha256="cd" * 32)
    assert Manifest.parse(json.loads(json.dumps(tokenized.to_json()))).tokenizer_sha256 == "cd" * 32


def test_hostile_names_stand_as_text_in_their_cells():
    shown = HOSTILE.replace("\n", "\ufffd").replace("\u202e", "\ufffd").replace("\ud800", "\ufffd")
    manifest = changed(
        input=[{"path": HOSTILE}],
        schema=[{"name": HOSTILE, "type": "struct<a: list<b>>"}],
        config=CONFIG | {"text_column": HOSTILE, "keep": f"max:{HOSTILE}", "id_column": "```\n<b>"},
        counts=DOCUMENT["content"]["counts"] | {"quarantined": {HOSTILE: 1}},
        versions={HOSTILE: HOSTILE},
    )
    card = dataset_card(manifest)
    card.encode()
    found = tables(card)
    assert found[1][1] == [shown, "struct<a: list<b>>"]
    assert found[2][1] == ["0", shown]
    assert found[0][4][0] == "Quarantined: " + shown.replace("_", " ")
    kinds = {child.type for token in tokens(card) for child in [token, *(token.children or ())]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open", "s_open"}
    [block] = blocks(card, "toml")
    assert tomllib.loads(block)["dedup"]["id_column"] == "```\n<b>"


@given(st.text())
def test_any_name_stands_in_its_cell_and_leaves_the_table_whole(name):
    card = dataset_card(changed(input=[{"path": f"x{name}x", "bytes": 1}, {"path": "last", "bytes": 2}]))
    ordinals = [row[0] for row in tables(card)[-1]]
    assert ordinals == ["Ordinal", "0", "1"]
    if name.isprintable():
        assert tables(card)[-1][1][1] == f"x{name}x"


def test_a_long_listing_is_cut_and_says_so():
    card = dataset_card(changed(input=[{"path": f"{i}.parquet", "bytes": i} for i in range(1_250)]))
    assert tables(card)[-1][-1][:2] == ["99", "99.parquet"]
    assert "And 1,150 more files" in card


def test_parts_about_nothing_are_left_out():
    counts = dataclasses.replace(COUNTS, removed={"exact": 0, "near": 0}, quarantined={})
    card = dataset_card(dataclasses.replace(MANIFEST, counts=counts, shards=(), schema=()))
    for title in ("## Trace a removed document", "Quarantined", "Parquet file"):
        assert title in dataset_card(MANIFEST)
        assert title not in card.replace("in a Parquet file", "")


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**63 - 1)
            | st.floats(allow_nan=False)
            | st.text(st.characters(exclude_categories=["Cs"])),
            lambda inner: st.lists(inner.filter(lambda value: value is not None)),
            max_leaves=5,
        ),
    )
)
def test_any_config_reads_back_from_toml(config):
    name = "my command"
    config = {key.encode(errors="replace").decode(): value for key, value in config.items()}
    assert tomllib.loads(toml.table(name, config)) == {
        name: {key: value for key, value in config.items() if value is not None}
    }


def test_toml_refuses_what_it_cannot_hold():
    with pytest.raises(TypeError, match="not TOML serializable"):
        toml.table("dedup", {"threshold": object()})


@pytest.fixture
def output(tmp_path):
    """A tiny output folder: two shards, and beside them the tables that are no data."""
    texts = pa.table({"id": ["a", "b"], "text": ["eins", "zwei"]})
    removed = pa.table(
        {
            "address": pa.array([address(1, 7)], pa.uint64()),
            "kept_address": pa.array([address(0, 2)], pa.uint64()),
        }
    )
    for folder in ("data", "duplicates", "quarantine"):
        (tmp_path / folder).mkdir()
    for shard in range(2):
        pq.write_table(texts, tmp_path / f"data/train-{shard:05d}-of-00002.parquet")
    pq.write_table(removed, tmp_path / "duplicates/part-00000.parquet")
    pq.write_table(removed, tmp_path / "quarantine/part-00000.parquet")
    (tmp_path / "manifest.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "README.md").write_text(dataset_card(MANIFEST))
    return tmp_path


def test_datasets_loads_the_shards_and_nothing_else(output, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    loaded = datasets.load_dataset(str(output), cache_dir=cache)
    assert list(loaded) == ["train"]
    assert loaded["train"].column_names == ["id", "text"]
    assert loaded["train"]["text"][:] == ["eins", "zwei"] * 2


def test_a_shard_without_documents_does_not_disturb(output, tmp_path_factory):
    # An empty shard has no row group: `datasets` fails on a row group without rows (and on a corpus without any).
    path = output / "data/train-00000-of-00002.parquet"
    pq.ParquetWriter(path, pq.read_schema(path)).close()
    loaded = datasets.load_dataset(str(output), cache_dir=str(tmp_path_factory.mktemp("cache")))
    assert loaded["train"]["id"][:] == ["a", "b"]


def test_the_card_shows_code_that_runs_in_the_folder(output, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(output)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
    results = []
    for code in blocks(dataset_card(MANIFEST), "python"):
        names = {}
        exec(code, names)
        results.append(names)
    by_datasets, by_polars, traced = results
    assert by_datasets["documents"].num_rows == by_polars["documents"].height == 4
    assert traced["removed"].select("file", "row").rows() == [("b.jsonl.gz", 7)]
    [query] = blocks(dataset_card(MANIFEST), "sql")
    assert duckdb.sql(query).fetchall() == [(4,)]
