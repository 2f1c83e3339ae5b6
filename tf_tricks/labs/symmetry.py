"""Whether the units of a layer that begin alike stay alike, so that initial weights have to be drawn."""

from typing import Any

import keras
import numpy as np

from tf_tricks.labs.bench.arrays import load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, reported
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

HIDDEN, EPOCHS = 32, 10
KINDS = {"zeros": "zeros", "constant": keras.initializers.Constant(0.1), "drawn": "he_normal"}
LESS = 0.1  # of accuracy: by how much a network whose units are all alike must fall behind


class Symmetry(Lab):
    """A network with one hidden layer of 32 ReLU units, trained from zero, from 0.1 everywhere, and from drawn weights.

    Units with equal weights have equal gradients, in every bit: the largest difference between the weights into two of
    them must be 0 after training as before. From zero, ReLU's units even give nothing to anybody, so that only the last
    bias learns, and the accuracy stays that of the most frequent class.
    """

    claim = "Starting from zero, or from any constant, makes every unit of a layer update alike."
    dataset = "digits"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains each of the three with each seed."""
        return {kind: bench.piece(kind, trained, bench.dataset, kind, list(bench.seeds)) for kind in KINDS}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Differences must be exactly 0, and what comes of it must be worse than from drawn weights."""
        largest = {kind: float(np.max(found[kind]["difference"])) for kind in KINDS}
        accuracy = {kind: np.array(found[kind]["accuracy"]) for kind in KINDS}
        smallest = float(np.min(found["drawn"]["difference"]))
        quantities = {
            "largest difference between units, from zero": at_most(largest["zeros"], 0.0, control=smallest),
            "largest difference between units, from 0.1": at_most(largest["constant"], 0.0, control=smallest),
            "accuracy, drawn less 0.1": at_least(list(accuracy["drawn"] - accuracy["constant"]), LESS, above=0.0),
        }
        means = {kind: f"{values.mean():.3f}" for kind, values in accuracy.items()}
        sentence = (
            f"After training, the units that began at zero or at 0.1 differ by at most "
            f"{max(largest['zeros'], largest['constant']):g}; their networks reach {means['zeros']} and "
            f"{means['constant']} of the test examples, one with drawn weights {means['drawn']}."
        )
        control = f"With drawn weights, units differ by {smallest:.3g} at least."
        also = {"accuracy from zero": reported(list(accuracy["zeros"]))}
        return decide(sentence, quantities, control, smallest > 0, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the weights into the hidden units after training, a row for each unit."""
        picture = figure.new(6.5, 2.6)
        for axes, (kind, title) in zip(picture.subplots(1, 3), TITLES.items()):
            kernel = np.array(found[kind]["kernel"])
            bound = np.abs(kernel).max() or 1.0
            axes.imshow(kernel.T, cmap="PuOr", vmin=-bound, vmax=bound, aspect="auto", interpolation="nearest")
            axes.set(title=title, xlabel="input", ylabel="hidden unit" if kind == "zeros" else "")
        picture.tight_layout()
        return picture


TITLES = {"zeros": "from zero", "constant": "from 0.1", "drawn": "drawn"}


def trained(dataset: str, kind: str, seeds: list[int]) -> dict[str, Any]:
    """Returns the test accuracy and the largest difference between two hidden units, for each seed; and one kernel."""
    data = load(dataset).standardized().flat()

    def build():
        kernel = {"kernel_initializer": KINDS[kind]}
        hidden = keras.layers.Dense(HIDDEN, "relu", name="hidden", **kernel)
        logits = keras.layers.Dense(data.num_classes, "softmax", **kernel)
        return keras.Sequential([keras.Input(data.train[0].shape[1:]), hidden, logits])

    loss = "sparse_categorical_crossentropy"
    runs = Runs(build, optimizer="sgd", learning_rate=0.05, batch_size=32, loss=loss, metrics=["accuracy"])
    found: dict[str, Any] = {"accuracy": [], "difference": []}
    for seed in seeds:
        runs.train(data.train, EPOCHS, seed)
        found["accuracy"].append(runs.evaluate(data.test)["accuracy"])
        kernel = np.asarray(runs.trainer.model.get_layer("hidden").kernel)
        found["difference"].append(float(np.ptp(kernel, axis=1).max()))
    return found | {"kernel": kernel}
