"""Whether learning rate and batch size set the noise of SGD by g = η(N/b − 1), and it vanishes as b → N."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_most, equivalent, reported
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

EXAMPLES = 1024  # N
BATCHES = (32, 128, 256, 512, EXAMPLES)
REPLACED = (32, 256, EXAMPLES)
RATE, HEAVY_BALL = 0.2, (0.02, 0.9)  # η without momentum; η and m with it, of the same η/(1 − m)
RUNS, WARM_UP, STEPS = 384, 60, 150  # side by side; updates until the spread is stationary, and those measured
TOLERANCE = 0.1  # relative


class NoiseScale(Lab):
    """The mean of N numbers sought by SGD, f_i(θ) = (θ − x_i)²/2, each batch drawn anew and without replacement.

    The spread of θ about the optimum is then known: with the population variance σ² and momentum m,

        E[θ²] = g σ²/(N − 1) · (1 + m)/(2(1 + m) − η),   g = η/(1 − m) · (N/b − 1).

    Over the spread that the lecture's ηN/b gives, σ²η/((1 − m)b) in place of gσ²/(N − 1), that is (N − b)/(N − 1). The
    tolerance of a tenth is that of the estimate, of which two one-sided tests over the seeds must be sure. In the
    control, examples are drawn with replacement: b may then be as large as it likes, and the noise does not vanish.

    Reported beside it is the sampling of real training, each epoch a permutation that is cut into batches: what one
    batch has too much of, the others of its epoch lack, so that there is less noise than either formula says.
    """

    claim = (
        "For b ≪ N, SGD is a stochastic differential equation of noise scale g ≈ ηN/b; as b approaches N the dynamics "
        "become deterministic."
    )
    erratum = "Smith & Le's g is η(N/b − 1): the −1 that the slide drops is what makes the noise vanish as b → N."
    paper = "Smith & Le 2018, arXiv:1710.06451"
    seeds = {"quick": 3, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Lets SGD fluctuate about the optimum, once for each way to draw a batch."""
        found = [bench.piece(f"seed-{seed}", spreads, seed) for seed in bench.seeds]
        return {key: [of_seed[key] for of_seed in found] for key in found[0]}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """The spread over that of ηN/b must be (N − b)/(N − 1), and 0 for the full batch."""
        shares = {size: np.array(found[f"batch {size}"]) for size in BATCHES}
        replaced = {size: np.array(found[f"replaced {size}"]) for size in REPLACED}
        momentum = np.array(found["momentum"])
        quantities = {
            f"spread at b = {size} over that of g, less 1": equivalent(list(shares[size] / share(size) - 1), TOLERANCE)
            for size in BATCHES[:-1]
        }
        quantities["spread with momentum over that of g, less 1"] = equivalent(
            list(momentum / share(256) - 1), TOLERANCE
        )
        quantities["spread at b = N over that of ηN/b"] = at_most(
            float(np.max(shares[EXAMPLES])), 0.0, control=float(np.mean(replaced[EXAMPLES]))
        )
        sentence = (
            f"At b = N/32 the spread of SGD is {shares[32].mean():.3g} of what the lecture's ηN/b gives, at b = N/2 "
            f"{shares[512].mean():.3g}, where (N − b)/(N − 1) = {share(512):.3g} is expected, and at b = N "
            f"{shares[EXAMPLES].max():g}. Where each epoch is cut into batches, b = N/4 leaves "
            f"{np.mean(found['epochs']):.2g} in place of {share(256):.2g}."
        )
        control = f"With replacement nothing vanishes: at b = N it is {replaced[EXAMPLES].mean():.3g} of it."
        also = {"spread at b = N/2 over that of ηN/b": reported(found["batch 512"], control=share(512))}
        also["spread at b = N/4, each epoch cut into batches"] = reported(found["epochs"], control=share(256))
        stays = all(equivalent(list(replaced[size] - 1), TOLERANCE).holds for size in REPLACED)
        return decide(sentence, quantities, control, stays, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the spread over that of ηN/b, over the batch size."""
        picture = figure.new(6.0, 3.2)
        axes = picture.subplots()
        sizes = np.linspace(1, EXAMPLES, 200)
        axes.plot(sizes, share(sizes), "-", color=figure.BLUE, label="η(N/b − 1)")
        axes.plot(sizes, np.ones_like(sizes), "--", color=figure.ORANGE, label="ηN/b, the slide")
        measured = [np.mean(found[f"batch {size}"]) for size in BATCHES]
        axes.plot(BATCHES, measured, "o", color=figure.BLUE, label="SGD")
        axes.plot([256], np.mean(found["momentum"]), "x", color="black", markersize=9, label="momentum 0.9")
        replaced = [np.mean(found[f"replaced {size}"]) for size in REPLACED]
        axes.plot(REPLACED, replaced, "s", color=figure.ORANGE, markerfacecolor="none", label="with replacement")
        axes.set(xlabel="batch size b, of N = 1024", ylabel="spread over that of ηN/b", ylim=(-0.05, 1.3))
        axes.legend(frameon=False, ncols=2, loc="lower left")
        picture.tight_layout()
        return picture


def share(batch_size: Any) -> Any:
    """Returns (N − b)/(N − 1), what η(N/b − 1) leaves of the spread that ηN/b gives."""
    return (EXAMPLES - batch_size) / (EXAMPLES - 1)


def spreads(seed: int) -> dict[str, float]:
    """Returns the spread over that of the scale ηN/b, by the way in which batches are drawn.

    Args:
        seed: of the examples and of all batches; without replacement, smaller batches are parts of the larger ones.
    """
    generator = np.random.default_rng(seed)
    # Pairs of opposite integers: their sums are exact in any order, and the optimum is 0
    half = np.round(16 * generator.normal(size=EXAMPLES // 2))
    examples = np.concatenate([half, -half])
    alike = np.tile(examples, (RUNS, 1))
    means: dict[str, list] = {f"batch {size}": [] for size in BATCHES}
    means |= {f"replaced {size}": [] for size in REPLACED}
    epochs: list = []
    for _ in range(WARM_UP + STEPS):
        shuffled, replaced = generator.permuted(alike, axis=1), generator.choice(examples, (RUNS, EXAMPLES))
        for size in BATCHES:
            means[f"batch {size}"].append(shuffled[:, :size].mean(axis=1))
        for size in REPLACED:
            means[f"replaced {size}"].append(replaced[:, :size].mean(axis=1))
        epochs += list(shuffled.reshape(RUNS, 4, EXAMPLES // 4).mean(axis=2).T)
    sigma = float(examples.std())
    found = {key: spread(of_key, int(key.split()[-1]), sigma) for key, of_key in means.items()}
    found["epochs"] = spread(epochs[: WARM_UP + STEPS], EXAMPLES // 4, sigma)
    found["momentum"] = spread(means["batch 256"], 256, sigma, *HEAVY_BALL)
    return found


def spread(means: list[np.ndarray], batch_size: int, sigma: float, rate: float = RATE, momentum: float = 0.0) -> float:
    """Returns E[θ²] of SGD over what it is where the variance of a batch's mean is σ²/b, as ηN/b has it.

    Args:
        means: of the batches, for each update an array [runs].
        batch_size: b.
        sigma: σ, the examples' standard deviation.
        rate: η.
        momentum: m.
    """
    position = keras.Variable(np.zeros(len(means[0])))
    optimizer = tt.optimizers.Momentum(rate, momentum)
    squares = []
    for mean in means:
        optimizer.apply([position - keras.ops.convert_to_tensor(mean, position.dtype)], [position])
        squares.append(float(np.mean(np.square(keras.ops.convert_to_numpy(position)))))
    of_slide = rate / (1 - momentum) * (1 + momentum) / (2 * (1 + momentum) - rate) * sigma**2 / batch_size
    return float(np.mean(squares[WARM_UP:])) / of_slide
