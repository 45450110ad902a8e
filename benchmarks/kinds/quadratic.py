"""The network of Doshi et al. 2023 for sums modulo p: quadratic neurons without bias, which can be set to zero."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.scoring.metrics.neurons import Periodicity, periodicity

WIDTH, RATE, BETAS = 500, 0.01, (0.9, 0.98)
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """`W ((U[a] + V[b])^2)`: float64[neurons, p] each."""

    first: Floats
    second: Floats
    output: Floats

    def outputs(self, pairs: Ints, kept: Bools) -> Floats:
        """What the network gives to each result, without some of its neurons; float64[n, p]."""
        hidden = (self.first[kept][:, pairs[:, 0]] + self.second[kept][:, pairs[:, 1]]) ** 2
        return np.asarray(hidden.T @ self.output[kept])

    def periodicity(self) -> Periodicity:
        """Of its neurons."""
        return periodicity([self.first, self.second, self.output])


def train(pairs: Ints, labels: Ints, modulus: int, decay: float, seed: int, steps: int) -> Network:
    """Full batch, squared error, AdamW; weights begin as N(0, (16 N)^(-2/3))."""
    import torch
    from torch.nn.functional import embedding, one_hot

    torch.manual_seed(seed)
    p, scale = modulus, (16 * WIDTH) ** (-1 / 3)
    first = (torch.randn(2 * p, WIDTH) * scale).requires_grad_()
    output = (torch.randn(WIDTH, p) * scale).requires_grad_()
    a, b = torch.from_numpy(pairs[:, 0].copy()), torch.from_numpy(pairs[:, 1] + p)
    wanted = one_hot(torch.from_numpy(labels), p).float()
    optimizer = torch.optim.AdamW([first, output], lr=RATE, betas=BETAS, weight_decay=decay)
    for _ in range(steps):
        hidden = (embedding(a, first) + embedding(b, first)).square()
        loss = (hidden @ output - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    both, out = first.detach().double().numpy().T, output.detach().double().numpy()
    return Network(both[:, :p].copy(), both[:, p:].copy(), out)


def kept(network: Network, how: str, share: int, seed: int) -> Bools:
    """Which neurons stay if a share, in per cent, is set to zero; dead ones count among the lowest. bool[neurons]."""
    order = {
        "none": np.arange(WIDTH),
        "lowest": network.periodicity().lowest_first(),
        "highest": network.periodicity().lowest_first()[::-1],
        "random": np.random.default_rng(seed).permutation(WIDTH),
    }[how]
    stays = np.ones(WIDTH, np.bool_)
    stays[order[: WIDTH * share // 100]] = False
    return stays
