"""Bands and rows of the MinHash index: how many minima make one bucket key, and what is missed then."""

import math


def miss_probability(jaccard: float, bands: int, rows: int) -> float:
    """The probability that two documents share none of their buckets.

    `rows` minima agree with probability `jaccard**rows`, and the bands are independent:
    `(1 - jaccard**rows) ** bands`; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2.

    Args:
        jaccard: similarity of the two sets of shingles, 0 to 1.
        bands: number of buckets a document enters, at least 1.
        rows: minima in one bucket key, at least 1.

    Raises:
        ValueError: if an argument is outside its range.
    """
    if not 0 <= jaccard <= 1:
        raise ValueError(f"jaccard is {jaccard}: give a similarity from 0 to 1")
    if bands < 1 or rows < 1:
        raise ValueError(f"bands is {bands} and rows is {rows}: give at least 1 of each")
    return float((1.0 - jaccard**rows) ** bands)


def choose_bands(threshold: float, num_perm: int, *, margin: float = 0.05, max_miss: float = 0.002) -> tuple[int, int]:
    """Choose (bands, rows) for recall: the most rows that hardly miss a pair a little above the threshold.

    More rows make fewer candidates. Candidates are verified, so precision is no concern of the bands; what
    they miss is lost. So: the largest `rows` for which `bands = num_perm // rows` bands miss a pair of
    similarity `threshold + margin` with probability (`miss_probability`) under `max_miss`. Where 1 is nearer
    than two margins, that similarity is the middle between the threshold and 1.

    Args:
        threshold: the similarity from which a document counts as a duplicate, above 0 and at most 1.
        num_perm: number of MinHash permutations, at least 1.
        margin: distance above the threshold at which recall is promised, at least 0.
        max_miss: the largest probability of a miss there, above 0 and below 1.

    Raises:
        ValueError: if an argument is outside its range, or `num_perm` is too small for the promise.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}: give a similarity above 0 and at most 1")
    if num_perm < 1:
        raise ValueError(f"num_perm is {num_perm}: give at least 1 permutation")
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin is {margin}: give a similarity distance of at least 0")
    if not 0 < max_miss < 1:
        raise ValueError(f"max_miss is {max_miss}: give a probability above 0 and below 1")
    promised = min(threshold + margin, (threshold + 1) / 2)
    for rows in range(num_perm, 0, -1):
        bands = num_perm // rows
        if miss_probability(promised, bands, rows) < max_miss:
            return bands, rows
    needed = math.floor(math.log(max_miss) / math.log1p(-promised)) + 1
    raise ValueError(
        f"{num_perm} permutations miss a pair of similarity {promised:.3g} with a probability not under "
        f"{max_miss:g}: use at least {needed} permutations, or raise the threshold or max_miss"
    )
