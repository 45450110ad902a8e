"""daft's MinHash signatures, and nothing else: no bands, no pairs, no output corpus.

Every signature is computed and one of its numbers summed, so that neither memory nor disk has to hold them. Words
are cut at single spaces, as daft does; `--normalize` lower-cases and removes punctuation first, as its
documentation recommends (more work). Runs in an environment that holds daft, not trapline.
"""

import argparse
import os

import daft
from daft import col
from daft.functions import get, minhash, normalize


def run(files: list[str], num_perm: int, ngram: int, normalized: bool) -> tuple[int, int]:
    """Number of documents and the sum of their first minima."""
    text = col("text")
    if normalized:
        text = normalize(text, remove_punct=True, lowercase=True, white_space=True)
    signature = minhash(text, num_hashes=num_perm, ngram_size=ngram)
    frame = daft.read_parquet(files).select(signature.alias("signature"))
    first = frame.select(get(col("signature"), 0).cast(daft.DataType.uint64()).alias("first"))
    row = first.agg(col("first").count().alias("documents"), col("first").sum().alias("total")).to_pydict()
    return int(row["documents"][0]), int(row["total"][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True, help="Parquet files with a text column")
    parser.add_argument("--num-perm", type=int, required=True)
    parser.add_argument("--ngram", type=int, required=True)
    parser.add_argument("--normalize", action="store_true")
    given = parser.parse_args()
    documents, total = run(given.input, given.num_perm, given.ngram, given.normalize)
    print(f"{documents} documents, checksum {total}", flush=True)
    os._exit(0)  # its threads at times abort the interpreter on its way out, after the work is done
