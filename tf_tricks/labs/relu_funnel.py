"""Whether weights of variance 4/(n_in + n_out) keep the signal of a ReLU network whose widths change."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import within
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

WIDTHS = {"funnel": (400, 100), "equal": (400, 400)}  # taken in turns; the first are the inputs' as well
SCHEMES = {"he": "he_normal", "average": "relu_glorot_normal"}
DEPTH = 30
EXPECTED = {"funnel": 0.64**15, "equal": 1.0}  # a wide and a narrow layer: (4/500 · 400/2) · (4/500 · 100/2) = 0.64
TOLERANCE = 0.001  # relative


class ReluFunnel(Lab):
    """The mean square of the activations over depth: 4/(n_in + n_out) beside He et al.'s 2/n_in, by the same draws."""

    claim = "For ReLU units the variance of the weights should be 4/(n_in + n_out), confirmed by He et al."
    erratum = (
        "He et al. give 2/n_in or 2/n_out, either alone, which is 4/(n_in + n_out) only where n_in = n_out: where "
        "widths change between 400 and 100, two layers leave 0.64 of the signal."
    )
    paper = "He et al. 2015, arXiv:1502.01852"
    seeds = {"quick": 3, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Sends noise through 30 layers of widths that change, and, as the control, of equal ones."""
        examples = 64 if bench.is_quick else 512
        found: dict[str, Any] = {}
        for kind, widths in WIDTHS.items():
            for scheme in SCHEMES:
                pieces = [
                    bench.piece(f"{kind}-{scheme}-{i}", signals, widths, scheme, i, examples) for i in bench.seeds
                ]
                found[f"{kind} {scheme}"] = pieces
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """The signal at the end, over He's, must be what the formulas say: 0.64¹⁵ in the funnel, 1 in the control."""
        ratios = {kind: ratio(found, kind) for kind in WIDTHS}
        funnel = within(
            ratios["funnel"], EXPECTED["funnel"], TOLERANCE * EXPECTED["funnel"], float(np.mean(ratios["equal"]))
        )
        equal = within(ratios["equal"], EXPECTED["equal"], TOLERANCE)
        sentence = (
            f"After {DEPTH} layers, 4/(n_in + n_out) leaves {funnel.value:.4g} of the signal that He et al.'s 2/n_in "
            f"keeps, where 0.64^15 = {EXPECTED['funnel']:.4g} is expected."
        )
        control = f"With equal widths the two are the same: {equal.value:.6g}."
        return decide(sentence, {"signal ratio": funnel}, control, bool(equal.holds), only="where n_in = n_out")

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the mean square of the activations over depth."""
        picture = figure.new(6.5, 3.2)
        axes = picture.subplots()
        layers = np.arange(1, DEPTH + 1)
        for key, color, line, label in (
            ("funnel he", figure.BLUE, "-", "2/n_in, widths 400 and 100"),
            ("funnel average", figure.ORANGE, "-", "4/(n_in + n_out), widths 400 and 100"),
            ("equal average", figure.GRAY, "--", "4/(n_in + n_out), all widths 400"),
        ):
            axes.semilogy(layers, np.mean(found[key], axis=0), line, color=color, label=label)
        axes.set(xlabel="layer", ylabel="mean square of the activations", ylim=(1e-4, 10))
        axes.legend(frameon=False)
        figure.plain_ticks(axes.yaxis)
        picture.tight_layout()
        return picture


def signals(widths: tuple[int, int], scheme: str, seed: int, examples: int) -> list[float]:
    """Returns E[h²] of each of the ReLU layers.

    Args:
        widths: of the inputs and of the first layer; the layers take them in turns.
        scheme: a key of `SCHEMES`.
        seed: of weights and inputs; both schemes scale the same draws.
        examples: how many inputs, N(0, 1), there are.
    """
    inputs = signal = keras.Input((widths[0],))
    layers = []
    for i in range(DEPTH):
        kernel = tt.initializers.get({"name": SCHEMES[scheme], "seed": 1000 * seed + i})
        signal = keras.layers.Dense(widths[(i + 1) % 2], "relu", kernel_initializer=kernel)(signal)
        layers.append(signal)
    model = keras.Model(inputs, layers)
    noise = np.random.default_rng(seed).normal(size=(examples, widths[0])).astype("float32")
    return [float(np.mean(np.square(np.asarray(layer, "float64")))) for layer in model(noise)]


def ratio(found: dict[str, Any], kind: str) -> list[float]:
    """Returns, for each seed, E[h²] of the last layer under 4/(n_in + n_out) over that under 2/n_in."""
    pairs = zip(found[f"{kind} average"], found[f"{kind} he"])
    return [average[-1] / he[-1] for average, he in pairs]
