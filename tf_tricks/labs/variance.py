"""Whether Var(y) = n Var(w) Var(x), so that 1/n_in keeps the signal and 1/n_out the gradient."""

import itertools
from typing import Any

import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_most, within
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

WIDTHS = (2048, 1024, 512, 256, 128, 64)  # of the inputs and of five layers, each half as wide as the one before
SCHEMES = {"1/n_in": "fan_in_normal", "1/n_out": "fan_out_normal", "2/(n_in + n_out)": "glorot_normal"}
FACTORS: dict[
    str, dict[str, float]
] = {  # of a layer: n_in Var(w) for the signal, n_out Var(w) for the gradient, with n_in = 2 n_out
    "1/n_in": {"signal": 1, "gradient": 1 / 2},
    "1/n_out": {"signal": 2, "gradient": 1},
    "2/(n_in + n_out)": {"signal": 4 / 3, "gradient": 2 / 3},
}
TOLERANCE = 0.1  # of a factor, relative
AFTER_RELU = 1 / (1 - 1 / np.pi)  # E[x²]/Var(x) of max(0, N(0, 1)): 1/2 over 1/2 − 1/(2π)
EXAMPLES = 256


class Variance(Lab):
    """The variance of signal and gradient through five linear layers that halve the width, under three schemes.

    By the formula a layer multiplies the signal's variance by n_in Var(w), and the gradient's, on its way back, by
    n_out Var(w): where widths change no scheme keeps both. Inputs have mean 0, as the formula needs. In the control
    they come out of a ReLU: with Var(x), the formula must then be wrong by E[x²]/Var(x) = 1.47.
    """

    claim = "Var(y) = n Var(w) Var(x): 1/n_in keeps the signal, 1/n_out the gradient, 2/(n_in + n_out) is a compromise."
    erratum = "The formula needs inputs of mean 0: after a ReLU, E[x²] takes the place of Var(x), 1.47 times as large."
    paper = "Glorot & Bengio 2010"
    seeds = {"quick": 3, "full": 10}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Measures each scheme, and one layer behind a ReLU, with each seed."""
        found: dict[str, Any] = {}
        for scheme, name in SCHEMES.items():
            found[scheme] = [bench.piece(f"{name}-{seed}", variances, name, seed) for seed in bench.seeds]
        found["behind a ReLU"] = [bench.piece(f"relu-{seed}", behind_relu, seed) for seed in bench.seeds]
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """The factors must be those of the formula, and Xavier's the least far from 1 at its worst."""
        factors = {
            scheme: {way: [factor_of(piece[way]) for piece in found[scheme]] for way in FACTORS[scheme]}
            for scheme in SCHEMES
        }
        quantities = {
            f"{scheme}: factor of the {way}": within(factors[scheme][way], value, TOLERANCE * value)
            for scheme, expected in FACTORS.items()
            for way, value in expected.items()
        }
        worst = {
            scheme: max(float(abs(np.log(np.mean(values)))) for values in factors[scheme].values())
            for scheme in SCHEMES
        }
        others = min(worst["1/n_in"], worst["1/n_out"])
        quantities["largest |log factor| of Xavier's"] = at_most(worst["2/(n_in + n_out)"], others)
        relu = within(found["behind a ReLU"], float(AFTER_RELU), TOLERANCE * float(AFTER_RELU))
        texts = {
            scheme: f"{np.mean(of_scheme['signal']):.3f} and {np.mean(of_scheme['gradient']):.3f}"
            for scheme, of_scheme in factors.items()
        }
        sentence = (
            "A layer that halves the width multiplies the variance of signal and gradient by "
            f"{texts['1/n_in']} under 1/n_in, by {texts['1/n_out']} under 1/n_out, and by {texts['2/(n_in + n_out)']} "
            "under Xavier's."
        )
        control = f"Behind a ReLU the outputs have {relu.value:.3f} times the variance that n Var(w) Var(x) gives."
        return decide(sentence, quantities, control, bool(relu.holds))

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the variance of signal and gradient at each layer."""
        picture = figure.new(7.0, 3.0)
        styles = ((figure.BLUE, "-"), (figure.ORANGE, "--"), (figure.GRAY, "-."))
        for axes, way in zip(picture.subplots(1, 2, sharey=True), ("signal", "gradient")):
            for scheme, (color, line) in zip(SCHEMES, styles):
                values = np.mean([piece[way] for piece in found[scheme]], axis=0)
                layers = np.arange(len(values)) if way == "signal" else np.arange(len(values))[::-1]
                axes.semilogy(layers, values, line, color=color, label=scheme, marker=".")
            axes.set(xlabel="layer", title=way, ylim=(0.02, 50))
            figure.plain_ticks(axes.yaxis)
        picture.axes[0].set_ylabel("variance")
        picture.axes[0].legend(frameon=False)
        picture.tight_layout()
        return picture


def variances(name: str, seed: int) -> dict[str, list[float]]:
    """Returns the variance of the signal after each layer, and of the gradient before each, each from its source."""
    random = np.random.default_rng(seed)
    kernels = [
        ops.convert_to_numpy(tt.initializers.get({"name": name, "seed": 1000 * seed + i})(shape)).astype("float64")
        for i, shape in enumerate(itertools.pairwise(WIDTHS))
    ]
    signal = random.normal(size=(EXAMPLES, WIDTHS[0]))
    gradient = random.normal(size=(EXAMPLES, WIDTHS[-1]))
    found = {"signal": [np.var(signal)], "gradient": [np.var(gradient)]}
    for kernel in kernels:
        signal = signal @ kernel
        found["signal"].append(np.var(signal))
    for kernel in reversed(kernels):
        gradient = gradient @ kernel.T
        found["gradient"].append(np.var(gradient))
    return {way: [float(value) for value in values] for way, values in found.items()}


def behind_relu(seed: int) -> float:
    """Returns the variance behind one layer with inputs max(0, N(0, 1)), over n Var(w) Var(x)."""
    random, width = np.random.default_rng(seed), WIDTHS[0]
    kernel = ops.convert_to_numpy(tt.initializers.get({"name": "fan_in_normal", "seed": seed})((width, width)))
    inputs = np.maximum(random.normal(size=(EXAMPLES, width)), 0)
    # Over draws of the weights the mean is 0: it is E[y²] that the formula speaks of.
    return float(np.mean((inputs @ kernel) ** 2) / (width * np.var(kernel) * np.var(inputs)))


def distance_from_1(values: list[float]) -> float:
    """Returns |log| of the mean of factors: doubling is as far from 1 as halving."""
    return float(abs(np.log(np.mean(values))))


def factor_of(values: list[float]) -> float:
    """Returns by what each layer multiplies a variance, the geometric mean."""
    return float((values[-1] / values[0]) ** (1 / (len(values) - 1)))
