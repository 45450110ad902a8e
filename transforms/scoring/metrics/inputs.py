"""What metrics are computed from: values of all sequences in one array, and where each sequence begins."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.texts import Ragged, check_offsets

Floats = npt.NDArray[np.float64]
AnyFloats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TokenStatistics:
    """What one teacher-forced pass tells of each scored token; natural logarithms.

    Attributes:
        offsets: int64[n + 1], where each sequence's scored tokens begin.
        log_probs: float[total], `l_t = log p(x_t | x_<t)`.
        means: float[total], `mu_t = sum_v p_v log p_v`, the negative entropy.
        deviations: float[total], `sigma_t = sqrt(sum_v p_v (log p_v - mu_t)^2)`.
        hits: bool[total], whether the most probable token (of several, the one with the lowest id) is `x_t`.
        unscored: int64[n], how many of the sequence's own tokens come before the first scored one: 0 if a
            begin-of-sequence token or a context came first, 1 if the first token was itself the context.

    Raises:
        ValueError: if an array has another length than the rest.
    """

    offsets: Ints
    log_probs: AnyFloats
    means: AnyFloats
    deviations: AnyFloats
    hits: Bools
    unscored: Ints

    def __post_init__(self) -> None:
        """Check the lengths."""
        total = len(self.log_probs)
        check_offsets(self.offsets, total)
        for name in ("means", "deviations", "hits"):
            if len(getattr(self, name)) != total:
                raise ValueError(f"{name}: {len(getattr(self, name))} values, but log_probs has {total}")
        if len(self.unscored) != len(self):
            raise ValueError(f"unscored: {len(self.unscored)} values for {len(self)} sequences")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Scored tokens of each sequence (T), int64[n]."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Recalled:
    """Greedy continuations of cues, and what the sequences really go on with; token ids.

    Attributes:
        wanted: int64 ids of the rest of each sequence, without its cue; n rows.
        produced: int64 ids that the model produced, without the cue; n rows.
    """

    wanted: Ragged
    produced: Ragged

    def __post_init__(self) -> None:
        """Check that both have the same rows."""
        if len(self.wanted) != len(self.produced):
            raise ValueError(f"produced: {len(self.produced)} rows for {len(self.wanted)} sequences")

    def __len__(self) -> int:
        return len(self.wanted)


@dataclass(frozen=True)
class Sampled:
    """A greedy continuation and several sampled ones of each prompt; token ids.

    Attributes:
        greedy: int64 ids, n rows.
        samples: int64 ids, n * count rows: the samples of prompt i are rows `i * count` to `(i + 1) * count - 1`.
        count: samples of each prompt, 1 or more.
    """

    greedy: Ragged
    samples: Ragged
    count: int

    def __post_init__(self) -> None:
        """Check the number of rows."""
        if self.count < 1 or len(self.samples) != len(self.greedy) * self.count:
            raise ValueError(f"samples: {len(self.samples)} rows for {len(self.greedy)} prompts, {self.count} each")

    def __len__(self) -> int:
        return len(self.greedy)


@dataclass(frozen=True)
class ScoreInputs:
    """All that a run of `score` may hand to metrics, for n sequences and one checkpoint; None where it has it not.

    Attributes:
        tokens: of the checkpoint.
        reference: of the reference checkpoint, for the same sequences in the same order.
        text_bytes: int64[n], UTF-8 bytes of the text that the scored tokens cover.
        reference_text_bytes: int64[n], the same for the reference's tokens.
        zlib_bytes: int64[n], compressed size of each text, as `zlib_bytes` in zlib_size.py gives it.
        scheme_log_probs: float[total of tokens], each scored token's log-probability under the sampling scheme.
        recalled: greedy continuations of first halves.
        sampled: greedy and sampled continuations.
        family: float64[n, 1 + q], the loss metric of each text, then of its q fresh variants; infinity where there
            are fewer than in other texts.
    """

    tokens: TokenStatistics
    reference: TokenStatistics | None = None
    text_bytes: Ints | None = None
    reference_text_bytes: Ints | None = None
    zlib_bytes: Ints | None = None
    scheme_log_probs: AnyFloats | None = None
    recalled: Recalled | None = None
    sampled: Sampled | None = None
    family: Floats | None = None
