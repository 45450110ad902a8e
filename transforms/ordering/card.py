"""What an order says of its finished output: the manifest and the dataset card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from transforms.base import toml
from transforms.base.readable import count, counted, size
from transforms.corpus.output.card_parts import block, columns, escape, fence, header, loading
from transforms.corpus.output.manifest import VERSION, Column, InputFile, WrittenFile, WrittenShard
from transforms.ordering.copying.job import Tokenizing


@dataclass(frozen=True)
class OrderedCorpus:
    """A finished output. Everything but `run` depends on input, settings and versions only.

    Attributes:
        run: its name.
        config: settings.
        versions: of packages.
        input: files, by ordinal.
        schema: columns.
        counts: documents of the input, rows of the output, bytes of their text, steps of training.
        row_hash: sum of the hashes of all rows that were written, 16 hexadecimal digits.
        shards: of rows.
        files: beside them: documents, tokens and their indexes.
        tokens: how texts became tokens; `serialised` holds the SHA-256 of the tokenizer's file.
    """

    run: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    input: tuple[InputFile, ...]
    schema: tuple[Column, ...]
    counts: Mapping[str, int]
    row_hash: str
    shards: tuple[WrittenShard, ...]
    files: tuple[WrittenFile, ...]
    tokens: Tokenizing | None = None

    def to_json(self) -> dict[str, Any]:
        """The content of `manifest.json`."""
        content = asdict(self)
        run, tokens = content.pop("run"), content.pop("tokens")
        if tokens is not None:
            content["tokens"] = {"dtype": tokens["dtype"], "end": tokens["end"]}
            content["tokenizer_sha256"] = tokens["serialised"]
        return {"schema": "trapline.manifest", "version": VERSION, "command": "order", "run": run, "content": content}


def ordered_card(corpus: OrderedCorpus) -> str:
    """The card as Markdown with a YAML header, ready to be encoded as UTF-8."""
    split = str(corpus.config["split"])
    sections = [
        header(corpus.counts["rows"], split, corpus.shards, ("trapline",)),
        _summary(corpus),
        columns(corpus.schema),
        loading(split),
        _documents(),
        _tokens(corpus),
        _again(corpus),
    ]
    return "\n".join(section for section in sections if section)


def _summary(corpus: OrderedCorpus) -> str:
    rows, batch = corpus.counts["rows"], corpus.config["batch"]
    total = sum(shard.bytes for shard in corpus.shards)
    return block(
        "# Corpus in training order",
        "",
        f"{counted(rows, 'document')} in {counted(len(corpus.shards), 'Parquet file')} in `data/` ({size(total)}), in "
        f"the order in which a model is to see them: {counted(corpus.counts['steps'], 'step')} of "
        f"{counted(batch, 'document')}. Read the files by name and the rows of each from the first to the last.",
    )


def _documents() -> str:
    return block(
        "## Which documents were in a step",
        "",
        "Each row of `documents/` stands for the row of the same number in the shard of the same name: `address` is "
        "the document in the input, `file << 40 | row`, both from 0; `content.input` of `manifest.json` lists the "
        "files. `trapline which --input . --step 0` shows them.",
    )


def _tokens(corpus: OrderedCorpus) -> str:
    if corpus.tokens is None:
        return ""
    tokens, end = corpus.tokens, corpus.tokens.end
    last = "nothing is put between them" if end is None else f"the id {count(end)} ends each of them"
    name = f"{corpus.config['split']}-00000-of-{len(corpus.shards):05d}"
    return block(
        "## Tokens",
        "",
        f"Each file `tokens/*.bin` holds the ids of a shard's documents as little-endian {tokens.dtype}, without a "
        f"header; {last}. The `.idx` beside it is the index that Megatron-LM reads, and `first_token` and `tokens` of "
        "`documents/` say the same. With NumPy:",
        "",
        *fence(
            "import numpy as np\n\n"
            f'ids = np.memmap("tokens/{name}.bin", dtype="<{"u2" if tokens.dtype == "uint16" else "u4"}", mode="r")\n'
            f'index = np.memmap("tokens/{name}.idx", dtype="u1", mode="r")\n'
            'documents = int(index[18:26].view("<i8")[0])\n'
            'lengths = index[34 : 34 + 4 * documents].view("<i4")\n'
            "ends = np.cumsum(lengths, dtype=np.int64)\n"
            "first = ids[: ends[0]]",
            "python",
        ),
    )


def _again(corpus: OrderedCorpus) -> str:
    found = ", ".join(f"{escape(name)} {escape(version)}" for name, version in corpus.versions.items())
    return block(
        "## Make it again",
        "",
        "The same input with this configuration and the same versions gives the same files, byte for byte, on any "
        "machine and with any number of threads. An order that depends on a secret key needs that key, too.",
        "",
        *fence(toml.table("order", corpus.config).rstrip("\n"), "toml"),
        "",
        f"Versions: {found}.",
    )
