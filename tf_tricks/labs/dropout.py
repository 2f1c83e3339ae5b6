"""Whether dropout keeps units from relying on each other, and helps where there are few examples."""

from typing import Any

import keras
import numpy as np
from scipy import special

import tf_tricks as tt
from tf_tricks.labs.bench.arrays import load
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, reported
from tf_tricks.labs.bench.runs import Runs
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

WIDTH, EPOCHS, RATE, TRAINING = 256, 40, 0.05, 300
PROBABILITIES = {"plain": 0.0, "dropout": 0.5, "control": 0.02}  # of dropping; the control drops next to nothing
ABLATED = (0.0, 0.25, 0.5, 0.75, 0.9)  # shares of the hidden units that are taken away after training
AT = 0.75  # the share by which it is decided
MASKS = 20  # that are averaged over for each share
KEPT = 0.05  # accuracy by which a network trained with dropout must be ahead with so many units gone
LIKELIHOOD = 0.01  # by which its negative log-likelihood must be lower with all units


class Dropout(Lab):
    """Accuracy after units are taken away, and the negative log-likelihood with all of them, from few examples.

    Units that have learned to correct each other miss those that are gone; units that had to do without any half of the
    others do not. So a network that was trained with dropout must lose less. The units that are left are divided by
    their share, as in training. The control was trained with a probability of 0.02, which must change next to nothing.
    """

    claim = "Dropout prevents co-adaptation of the units, and so helps to generalize."
    erratum = "Dropout sets units to zero, not weights: that is DropConnect."
    paper = "Srivastava et al. 2014"
    dataset = "digits"
    seeds = {"quick": 3, "full": 8}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains each network with each seed, and takes units away."""
        arguments = (bench.dataset, list(bench.seeds))
        return {kind: bench.piece(kind, ablated, *arguments, p) for kind, p in PROBABILITIES.items()}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """With three quarters of the units gone dropout must be ahead, and with all of them be likelier."""
        at = ABLATED.index(AT)
        accuracy = {kind: np.array(found[kind]["accuracy"]) for kind in PROBABILITIES}
        nll = {kind: np.array(found[kind]["nll"]) for kind in PROBABILITIES}
        control = float(np.mean(accuracy["control"][:, at] - accuracy["plain"][:, at]))
        likelier = float(np.mean(nll["plain"] - nll["control"]))
        quantities = {
            f"accuracy with {AT:.0%} of the units gone, dropout less plain": at_least(
                list(accuracy["dropout"][:, at] - accuracy["plain"][:, at]), KEPT, above=0.0, control=control
            ),
            "negative log-likelihood with all units, plain less dropout": at_least(
                list(nll["plain"] - nll["dropout"]), LIKELIHOOD, above=0.0, control=likelier
            ),
        }
        means = {kind: accuracy[kind].mean(axis=0) for kind in PROBABILITIES}
        sentence = (
            f"With {AT:.0%} of the hidden units gone, a network trained with dropout still knows "
            f"{means['dropout'][at]:.3f} of the test examples, one without {means['plain'][at]:.3f}; with all units "
            f"the negative log-likelihood is {nll['dropout'].mean():.3f} against {nll['plain'].mean():.3f}."
        )
        said = f"Trained with a probability of {PROBABILITIES['control']}, it knows {means['control'][at]:.3f}."
        gain = list(accuracy["dropout"][:, 0] - accuracy["plain"][:, 0])
        also = {"accuracy with all units, dropout less plain": reported(gain)}
        return decide(sentence, quantities, said, control < KEPT, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the accuracy over the share of units that are gone."""
        picture = figure.new(6.0, 3.0)
        axes = picture.subplots()
        styles = {"dropout": (figure.BLUE, "-o"), "plain": (figure.ORANGE, "--s"), "control": (figure.GRAY, ":^")}
        for kind, (color, line) in styles.items():
            label = f"trained with p = {PROBABILITIES[kind]:g}"
            axes.plot(ABLATED, np.mean(found[kind]["accuracy"], axis=0), line, color=color, label=label)
        axes.set(xlabel="share of the hidden units taken away", ylabel="test accuracy", ylim=(0, 1))
        axes.legend(frameon=False)
        picture.tight_layout()
        return picture


def ablated(dataset: str, seeds: list[int], p: float) -> dict[str, Any]:
    """Returns test accuracies [seeds, shares of units that are gone], and the likelihood with all units [seeds]."""
    data = load(dataset).standardized().flat().first(TRAINING)

    def build():
        hidden = [keras.layers.Dense(WIDTH, "relu"), tt.layers.Dropout(p)]
        return keras.Sequential([keras.Input(data.train[0].shape[1:]), *hidden, keras.layers.Dense(data.num_classes)])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(build, optimizer="momentum", learning_rate=RATE, batch_size=32, loss=loss)
    inputs, labels = data.test
    found: dict[str, Any] = {"accuracy": [], "nll": []}
    for seed in seeds:
        runs.train(data.train, EPOCHS, seed)
        kernel, bias, kernel_out, bias_out = runs.trainer.model.get_weights()[:4]
        hidden = np.maximum(inputs @ kernel + bias, 0)
        found["accuracy"].append([without(hidden, kernel_out, bias_out, labels, share, seed) for share in ABLATED])
        logarithms = special.log_softmax(hidden @ kernel_out + bias_out, axis=1)
        found["nll"].append(float(-np.mean(logarithms[np.arange(len(labels)), labels])))
    return found


def without(
    hidden: np.ndarray, kernel: np.ndarray, bias: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> float:
    """Returns the accuracy with a share of the hidden units set to zero, the mean over draws of which.

    Args:
        hidden: [n, units].
        kernel: [units, classes], of the layer behind.
        bias: [classes].
        labels: integers [n].
        share: below 1.
        seed: of the draws: the same units for every network.
    """
    random, units = np.random.default_rng(seed), hidden.shape[1]
    accuracies = []
    for _ in range(MASKS if share else 1):
        mask = np.zeros(units)
        mask[random.permutation(units)[round(share * units) :]] = 1 / (1 - share)
        accuracies.append(np.mean(np.argmax((hidden * mask) @ kernel + bias, axis=1) == labels))
    return float(np.mean(accuracies))
