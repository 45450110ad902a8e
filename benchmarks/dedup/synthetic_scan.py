"""A scan of documents that do not exist: signatures made directly, so that a plan is measured without any text.

Of the documents 70 % stand alone, 25 % are near-duplicates and 5 % exact copies of an earlier one, drawn uniformly
from all earlier ones. A near-duplicate has 6 % of the bytes of its sketch changed, and with them the keys of the bands
that they belong to. One document in a hundred shares the key of one band with about fifty others, as boilerplate does.
Everything is a hash of the document's number: a part of a corpus can be made without the rest.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from schemas.working.summaries import summaries
from transforms.base.runs import Work
from transforms.corpus.scan_numbers import commit_scan, scan_name
from transforms.dedup.scan import GROUP_ROWS

TASK_ROWS = 4 * GROUP_ROWS
BANDS, ROWS, WIDTH = 28, 9, 256
"""As chosen for the threshold 0.8."""


@njit(nogil=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    """SplitMix64's finaliser (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014)."""
    value = (value + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(nogil=True, cache=True)
def _signatures(first, count, documents, hashes, bands, sketches):  # type: ignore[no-untyped-def]
    """Fill in hashes uint64[count, 2], bands uint64[BANDS, count] and sketches uint8[count, WIDTH]."""
    for row in range(count):
        own = np.uint64(first + row)
        draw = _mixed(own * np.uint64(3) + np.uint64(1))
        kind = draw % np.uint64(100)
        drawn_from = own
        if kind >= 70 and own > 0:
            drawn_from = _mixed(draw) % own
        text = drawn_from if kind >= 95 else own
        hashes[row, 0] = _mixed(text)
        hashes[row, 1] = _mixed(text ^ np.uint64(0x5555555555555555))
        changed = np.uint64(0)
        for byte in range(WIDTH):
            value = np.uint8(_mixed(drawn_from * np.uint64(WIDTH) + np.uint64(byte)) >> np.uint64(50))
            if 70 <= kind < 95:
                own_draw = _mixed((own * np.uint64(WIDTH) + np.uint64(byte)) ^ np.uint64(0x1234567890ABCDEF))
                if own_draw % np.uint64(100) < 6:
                    value = np.uint8(own_draw >> np.uint64(50))
                    if byte // ROWS < BANDS:
                        changed |= np.uint64(1) << np.uint64(byte // ROWS)
            sketches[row, byte] = value
        for band in range(BANDS):
            source = own if changed >> np.uint64(band) & np.uint64(1) else drawn_from
            bands[band, row] = _mixed(source * np.uint64(64) + np.uint64(band)) | np.uint64(1)
        if draw >> np.uint64(32) & np.uint64(1023) < 10:
            groups = np.uint64(documents // 5000 + 1)
            bands[3, row] = _mixed(~(_mixed(own) % groups)) | np.uint64(1)


def _write_task(work: Work, task: int, first: int, count: int, documents: int) -> dict[str, object]:
    hashes = np.empty((count, 2), np.uint64)
    bands = np.empty((BANDS, count), np.uint64)
    sketches = np.empty((count, WIDTH), np.uint8)
    _signatures(first, count, documents, hashes, bands, sketches)
    rows = np.arange(first, first + count, dtype=np.uint64)
    sizes = (rows * np.uint64(2654435761) % np.uint64(3000) + np.uint64(500)).astype(np.uint32)
    schema = summaries(BANDS, WIDTH)
    table = pa.table(
        [
            pa.array(np.arange(count, dtype=np.uint64) | np.uint64(task << 40)),
            pa.array(sizes),
            _fixed(hashes, 16),
            pa.array(np.zeros(count)),
            pa.array(np.ones(count, np.bool_)),
            pa.nulls(count, pa.string()),
            *(pa.array(band) for band in bands),
            _fixed(sketches, WIDTH),
        ],
        schema=schema,
    )
    options = {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
    with work.folder.create(scan_name(task)) as sink, pq.ParquetWriter(sink, schema, **options) as writer:
        writer.write_table(table, row_group_size=GROUP_ROWS)
    return {
        "task": task, "rows": count, "source": f"synthetic-{task:06d}", "schema": None, "inexact": [], "watched": [],
        "documents_in": count, "bytes": int(sizes.sum(dtype=np.int64)), "quarantined": {},
    }  # fmt: skip


def _fixed(values: npt.NDArray[np.generic], width: int) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(values)])


def write_scan(work: Work, documents: int, threads: int = 2) -> None:
    """Commit the scan of a corpus of so many documents; its files go into the work folder.

    Raises:
        OSError: if the disk is full.
    """
    firsts = range(0, documents, TASK_ROWS)
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(
            lambda at: _write_task(work, at, firsts[at], min(TASK_ROWS, documents - firsts[at]), documents),
            range(len(firsts)),
        )
        commit_scan(work, list(results))
