"""Whether initial weights that are too large end in NaN."""

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

SCALES = (1, 2, 4, 8)  # of He et al.'s standard deviation
TOO_BIG = (4, 8)
DEPTH, WIDTH, EPOCHS, RATE = 10, 100, 10, 0.01
ABOVE_CHANCE = 0.1  # accuracy up to which a network has learned nothing
TRAINS = 0.8  # accuracy that He's own scale must reach


class TooBig(Lab):
    """A ReLU network of ten layers, without batch norm, from He et al.'s weights times 1, 2, 4 and 8.

    Each layer multiplies the signal by the scale, and so does each the gradient on its way back: at ×4 the logits are
    4¹¹, four million, times too large. A run fails if its loss is no longer finite, or if at its end it knows the test
    examples no better than by the most frequent class. The control is He's own scale, which must train.
    """

    claim = "Too large initial weights give NaN."
    dataset = "digits"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains from each scale with each seed."""
        seeds = list(bench.seeds)
        return {str(scale): bench.piece(f"x{scale}", trained, bench.dataset, scale, seeds) for scale in SCALES}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """All runs at ×4 and ×8 must fail, and none at ×1."""
        failed = {scale: share_failed(found[str(scale)]) for scale in SCALES}
        lost = {scale: np.mean([end["accuracy"] is None for end in found[str(scale)]]) for scale in SCALES}
        quantities = {
            f"share of runs that fail at ×{scale}": at_least(failed[scale], 1.0, control=failed[1]) for scale in TOO_BIG
        }
        accuracy = [end["accuracy"] or 0.0 for end in found["1"]]
        sentence = (
            f"Of He et al.'s weights times 4 and 8, {failed[4]:.0%} and {failed[8]:.0%} of the runs fail, by NaN "
            f"{lost[4]:.0%} and {lost[8]:.0%}; times 2, {failed[2]:.0%}."
        )
        control = f"At He's own scale the networks reach {np.mean(accuracy):.3f} of the test examples."
        also = {f"share of NaN at ×{scale}": reported(float(lost[scale])) for scale in SCALES}
        return decide(sentence, quantities, control, min(accuracy) >= TRAINS, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the training loss over the epochs, up to where it is no number."""
        picture = figure.new(6.5, 3.0)
        axes = picture.subplots()
        styles = ((figure.BLUE, "-"), (figure.GRAY, "--"), (figure.ORANGE, "-."), ("black", ":"))
        for scale, (color, line) in zip(SCALES, styles):
            for i, end in enumerate(found[str(scale)]):
                label = f"×{scale}: {share_failed(found[str(scale)]):.0%} fail" if i == 0 else None
                losses = end["losses"] or [np.nan]
                axes.semilogy(np.arange(1, len(losses) + 1), losses, line, color=color, label=label, marker=".")
        axes.set(xlabel="epoch", ylabel="training loss")
        axes.legend(frameon=False)
        figure.plain_ticks(axes.yaxis)
        picture.tight_layout()
        return picture


def trained(dataset: str, scale: float, seeds: list[int]) -> list[dict[str, Any]]:
    """Returns test accuracy, training losses and the accuracy of chance; no accuracy where the loss was not finite."""
    data = load(dataset).standardized().flat()
    runs = Runs(
        lambda: network(data.train[0].shape[1:], data.num_classes, scale),
        optimizer="sgd",
        learning_rate=RATE,
        batch_size=32,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    chance = float(np.bincount(data.test[1]).max() / len(data.test[1]))
    found = []
    for seed in seeds:
        history = runs.train(data.train, EPOCHS, seed)
        accuracy = None if history is None else runs.evaluate(data.test)["accuracy"]
        found.append({"accuracy": accuracy, "losses": history and history["loss"], "chance": chance})
    return found


def network(input_shape: tuple[int, ...], num_classes: int, scale: float) -> keras.Model:
    """Returns ten ReLU layers and the logits; all kernels are He et al.'s times `scale`."""

    def dense(units, activation=None):
        return keras.layers.Dense(units, activation, kernel_initializer=tt.initializers.get("he_normal"))

    hidden = [dense(WIDTH, "relu") for _ in range(DEPTH)]
    model = keras.Sequential([keras.Input(input_shape), *hidden, dense(num_classes)])
    model.set_weights([weight * scale for weight in model.get_weights()])  # biases are 0
    return model


def share_failed(ends: list[dict[str, Any]]) -> float:
    """Returns the share of runs that ended in NaN or at chance."""
    return float(np.mean([(end["accuracy"] or 0.0) <= end["chance"] + ABOVE_CHANCE for end in ends]))
