"""Whether inputs of mean 0 and variance 1 make a network learn better."""

import itertools
from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.arrays import load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, reported
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

INPUTS = {  # of pixels from 0 to 1 and their mean and standard deviation
    "raw": lambda x, mean, deviation: 255 * x,
    "0 to 1": lambda x, mean, deviation: x,
    "standardized": lambda x, mean, deviation: (x - mean) / deviation,
    "shifted": lambda x, mean, deviation: (x - mean) / deviation + 10,
    "standardized, times 0.9": lambda x, mean, deviation: 0.9 * (x - mean) / deviation,
}
CONTROL = "standardized, times 0.9"
WIDTHS, EPOCHS = (64, 64), 5
RATES = (0.003, 0.01, 0.03, 0.1)
BETTER = 0.05  # accuracy by which standardized inputs must be ahead of raw and of shifted ones
NOT_BETTER = 0.05  # up to which two inputs that differ by a factor near 1 may differ, in the control


class Standardize(Lab):
    """A tanh network on the same pixels: as they come, from 0 to 1, standardized, and standardized and then shifted.

    Each is given the best of four rates, so that it is not just the rate that is off. Raw pixels saturate the first
    layer; a mean of 10 makes one direction of the loss steeper than all others, whatever the rate. The control scales
    standardized pixels by 0.9, which must change next to nothing.
    """

    claim = "Inputs of zero mean and unit variance help."
    dataset = "digits"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains on each form of the inputs at each rate with each seed."""
        rates = list(RATES[1::2] if bench.is_quick else RATES)
        return bench.piece("all", accuracies, bench.dataset, rates, list(bench.seeds))

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Standardized inputs must be ahead of raw and of shifted ones, each at the rate that is best for it."""
        best = {form: best_of(found[form]["accuracy"]) for form in found}
        control = float(np.mean(best["standardized"] - best[CONTROL]))
        quantities = {
            f"accuracy, standardized less {form}": at_least(
                list(best["standardized"] - best[form]), BETTER, above=0.0, control=control
            )
            for form in ("raw", "shifted")
        }
        means = {form: f"{values.mean():.3f}" for form, values in best.items()}
        sentence = (
            f"At the best rate for each, pixels from 0 to 255 reach {means['raw']}, from 0 to 1 {means['0 to 1']}, "
            f"standardized {means['standardized']}, and standardized with 10 added {means['shifted']}."
        )
        said = f"Standardized and times 0.9 they reach {means[CONTROL]}."
        also = {"accuracy, standardized less 0 to 1": reported(list(best["standardized"] - best["0 to 1"]))}
        return decide(sentence, quantities, said, abs(control) < NOT_BETTER, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the accuracy over the rates."""
        picture = figure.new(6.0, 3.2)
        axes = picture.subplots()
        styles = ((figure.GRAY, ":^"), (figure.LIGHT_BLUE, "-.s"), (figure.BLUE, "-o"), (figure.ORANGE, "--v"))
        for form, (color, line) in zip(INPUTS, styles):
            accuracy = np.array(found[form]["accuracy"])
            axes.semilogx(found[form]["rates"], accuracy.mean(axis=1), line, color=color, label=form)
        axes.set(xlabel="learning rate", ylabel="test accuracy", ylim=(0, 1))
        axes.legend(frameon=False)
        figure.plain_ticks(axes.xaxis)
        picture.tight_layout()
        return picture


def accuracies(dataset: str, rates: list[float], seeds: list[int]) -> dict[str, Any]:
    """Returns, for each form of the inputs, the rates and test accuracies [rates, seeds]."""
    data = load(dataset).flat()
    lowest, highest = data.train[0].min(), data.train[0].max()
    parts = [((inputs - lowest) / (highest - lowest), labels) for inputs, labels in (data.train, data.test)]
    mean, deviation = parts[0][0].mean(), parts[0][0].std()

    def build():
        xavier = [tt.initializers.get("glorot_normal") for _ in WIDTHS]
        hidden = [keras.layers.Dense(w, "tanh", kernel_initializer=draw) for w, draw in zip(WIDTHS, xavier)]
        inputs = keras.Input(data.train[0].shape[1:])
        return keras.Sequential([inputs, *hidden, keras.layers.Dense(data.num_classes)])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(build, optimizer="momentum", batch_size=32, loss=loss, metrics=["accuracy"])
    found = {}
    for form, change in INPUTS.items():
        train, test = ((change(inputs, mean, deviation).astype("float32"), labels) for inputs, labels in parts)
        accuracy = np.zeros((len(rates), len(seeds)))
        for (j, seed), (i, rate) in itertools.product(enumerate(seeds), enumerate(rates)):
            if runs.train(train, EPOCHS, seed, learning_rate=rate) is not None:
                accuracy[i, j] = runs.evaluate(test)["accuracy"]
        found[form] = {"rates": rates, "accuracy": accuracy}
    return found


def best_of(accuracy: list[list[float]]) -> np.ndarray:
    """Returns the accuracies [seeds] at the rate that is best on average."""
    by_rate = np.array(accuracy)
    return by_rate[by_rate.mean(axis=1).argmax()]
