"""Time and size of the twelve texts of an item: eight quizzes and four chains of thought, on one core.

    python -m benchmarks.puzzles.text --people 8

The four problems of an item (original and three edits) are stood in for by four draws of puzzles, which are as long.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.language.text import render_both, render_quiz, render_solution
from transforms.probes.puzzles.language.wording import VARIANTS, draw
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import search

SEED = b"benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--batch", type=int, default=2048, help="items in a batch")
    parser.add_argument("--repeats", type=int, default=50, help="batches, of which the fastest and the median count")
    asked = parser.parse_args()
    index = np.arange(asked.batch)
    problems = [sample(asked.people, SEED, index + asked.batch * part, Grammar()) for part in range(4)]
    traces = [search(one) for one in problems]
    for tag in TAGS:
        seconds = []
        for _ in range(asked.repeats + 1):
            start = time.perf_counter()
            wordings = [draw(index, asked.people, load(tag), SEED, variant) for variant in VARIANTS]
            both = [render_both(*one, wordings[0]) for one in zip(problems, traces, strict=True)]
            quizzes = [quiz for quiz, _ in both] + [render_quiz(problems[0], one) for one in wordings[1:]]
            solutions = [render_solution(one.solution, wordings[0]) for one in problems]
            seconds.append(time.perf_counter() - start)
        texts = [*quizzes, *(thought for _, thought in both), *solutions]
        size = sum(len(text.buffers()[2]) for text in texts) / asked.batch
        micro = 1e6 * np.array(seconds[1:]) / asked.batch
        print(
            f"{tag}: {micro.min():.1f} us an item at best, {np.median(micro):.1f} us in the median, "
            f"{size / 1000:.1f} kB an item, {1e6 / np.median(micro):,.0f} items a second"
        )


if __name__ == "__main__":
    main()
