"""Whether weights 0.01 · N(0, 1) serve a network of few layers, and not one of many."""

from typing import Any

import keras
import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.bench.arrays import load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, within
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

EPSILON, WIDTH = 0.01, 256
NETWORKS = {"small 1": ("small_normal", 1), "small 8": ("small_normal", 8), "xavier 8": ("glorot_normal", 8)}
RATE, EPOCHS = 0.05, 10
LEARNS, STALLS = 0.75, 0.05  # accuracy of the shallow network, and of the deep one above chance, at most
GAINS = {  # of a layer's standard deviation: the lecture's figure is ε, whatever the width
    "tanh": EPSILON * WIDTH**0.5,
    "relu": EPSILON * (WIDTH / 2) ** 0.5,
    "sigmoid": EPSILON * WIDTH**0.5 / 4,
}
TOLERANCE = 0.1  # of a gain, relative
DEPTH = 8  # of the networks whose gain is measured


class SmallNormal(Lab):
    """Networks of tanh units with one and with eight hidden layers, at one rate; and the gain of a layer, measured.

    Each layer multiplies the signal, or the gradient on its way back, by ε√n for tanh near 0, by ε√(n/2) for ReLU and,
    for the logistic sigmoid, the gradient by ε√n/4. With n = 256 that is 0.16, 0.11 and 0.04: eight layers leave
    nothing. Eight layers from Xavier's weights are the control, in which depth must do no harm.
    """

    claim = "ε·N(0, 1) with ε = 0.01 works for few layers, and not for many."
    erratum = (
        "The lecture's signal of 10⁻²ᴸ after L layers is right at width 1 alone: the gain of a layer is ε√n for tanh, "
        "ε√(n/2) for ReLU, and ε√n/4 for the gradient through the logistic sigmoid."
    )
    dataset = "digits"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains the three networks, and measures the gain of each activation."""
        seeds = list(bench.seeds)
        found = {key: bench.piece(key, accuracies, bench.dataset, *of, seeds) for key, of in NETWORKS.items()}
        found["spreads"] = {of: [bench.piece(f"{of}-{seed}", spreads, of, seed) for seed in seeds] for of in GAINS}
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """The shallow network must learn and the deep one stall, and gains must be those of the formulas."""
        accuracy = {key: np.array(found[key]["accuracy"]) for key in NETWORKS}
        chance = found["small 8"]["chance"]
        gains = {of: [gain_of(values) for values in found["spreads"][of]] for of in GAINS}
        quantities = {
            "accuracy of 1 hidden layer": at_least(float(accuracy["small 1"].min()), LEARNS),
            "accuracy of 8 hidden layers, over chance": at_most(
                float(accuracy["small 8"].max() - chance), STALLS, control=float(accuracy["xavier 8"].mean() - chance)
            ),
        }
        for of, expected in GAINS.items():
            quantities[f"gain of a layer, {of}"] = within(gains[of], expected, TOLERANCE * expected)
        means = {key: f"{values.mean():.3f}" for key, values in accuracy.items()}
        sentence = (
            f"From 0.01 N(0, 1) a network with one hidden layer reaches {means['small 1']}, one with eight "
            f"{means['small 8']}; a tanh layer of {WIDTH} units multiplies the signal by "
            f"{np.mean(gains['tanh']):.3f}."
        )
        control = f"Eight layers from Xavier's weights reach {means['xavier 8']}."
        return decide(sentence, quantities, control, float(accuracy["xavier 8"].min()) >= LEARNS)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the standard deviation over depth, beside the formulas and the lecture's 10⁻²ᴸ."""
        picture = figure.new(6.5, 3.2)
        axes = picture.subplots()
        layers = np.arange(DEPTH + 1)
        styles = ((figure.BLUE, "o"), (figure.ORANGE, "s"), (figure.GRAY, "^"))
        for (of, gain), (color, marker) in zip(GAINS.items(), styles):
            values = np.mean(found["spreads"][of], axis=0)
            label = f"{of}{', gradient' if of == 'sigmoid' else ''}"
            axes.semilogy(layers, values / values[0], marker, color=color, label=label)
            axes.semilogy(layers, gain**layers, "-", color=color, linewidth=1)
        axes.semilogy(layers, EPSILON**layers, ":", color="black", label="the lecture's 10^-2L")
        axes.set(xlabel="layers", ylabel="standard deviation", ylim=(1e-17, 10))
        axes.legend(frameon=False)
        figure.plain_ticks(axes.yaxis)
        picture.tight_layout()
        return picture


def accuracies(dataset: str, scheme: str, depth: int, seeds: list[int]) -> dict[str, Any]:
    """Returns the test accuracy for each seed, and that of the most frequent class."""
    data = load(dataset).standardized().flat()

    def build():
        hidden = [
            keras.layers.Dense(WIDTH, "tanh", kernel_initializer=tt.initializers.get(scheme)) for _ in range(depth)
        ]
        logits = keras.layers.Dense(data.num_classes, kernel_initializer=tt.initializers.get(scheme))
        return keras.Sequential([keras.Input(data.train[0].shape[1:]), *hidden, logits])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(build, optimizer="sgd", learning_rate=RATE, batch_size=32, loss=loss, metrics=["accuracy"])
    found = []
    for seed in seeds:
        runs.train(data.train, EPOCHS, seed)
        found.append(runs.evaluate(data.test)["accuracy"])
    return {"accuracy": found, "chance": float(np.bincount(data.test[1]).max() / len(data.test[1]))}


def spreads(activation: str, seed: int) -> list[float]:
    """Returns the root mean square of the signal after 0 to 8 layers; for the sigmoid, of the gradient going back."""
    initializer = [tt.initializers.get({"name": "small_normal", "seed": 100 * seed + i}) for i in range(DEPTH)]
    kernels = [ops.convert_to_numpy(draw((WIDTH, WIDTH))).astype("float64") for draw in initializer]
    signal = np.random.default_rng(seed).normal(size=(128, WIDTH))
    if activation == "relu":
        signal = np.maximum(signal, 0)
    elif activation == "tanh":
        signal = 0.1 * signal  # where tanh is linear, as behind the first layer
    found = [signal]
    for kernel in kernels:
        if activation == "sigmoid":  # its derivative is 1/4 near 0, where all units are
            found.append(found[-1] @ kernel.T / 4)
        else:
            found.append(np.tanh(found[-1] @ kernel) if activation == "tanh" else np.maximum(found[-1] @ kernel, 0))
    return [float(np.sqrt(np.mean(np.square(values)))) for values in found]


def gain_of(values: list[float]) -> float:
    """Returns the factor of a layer: e to the slope of the logarithm over depth, by least squares."""
    return float(np.exp(np.polyfit(np.arange(len(values)), np.log(values), 1)[0]))
