"""Whether the weights are to be scaled by 1 − p at test time, where p is the probability of dropping a unit."""

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

DROPPED = (0.2, 0.8)  # p; at p = 1/2 the two factors are the same, which is the control
WIDTH, EPOCHS, RATE, TRAINING = 128, 30, 0.05, 200
MARGIN = 0.15  # of the negative log-likelihood, half of what is expected
SAMPLES = 100  # masks of the Monte Carlo average


class DropoutScale(Lab):
    """The negative log-likelihood of a network trained with dropout, its units scaled by 1 − p, by p, or not at all.

    Accuracy cannot tell: a factor on the hidden units hardly changes which class is first. The Monte Carlo average over
    masks is what the scaling stands for, and is reported beside it. At p = 1/2, the control, both factors are 1/2.
    """

    claim = "At test time the randomness is removed by scaling the units by the factor p."
    erratum = "With p the probability of dropping a unit, as on the slide, the factor is 1 − p."
    paper = "Srivastava et al. 2014"
    dataset = "digits"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains with each probability and each seed, and evaluates each factor."""
        probabilities = (*DROPPED, 0.5)
        return {str(p): bench.piece(f"p={p}", likelihoods, bench.dataset, p, list(bench.seeds)) for p in probabilities}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """With 1 − p the likelihood must be better than with p, whether p is small or large."""
        worse = {p: np.array(found[str(p)]["p"]) - np.array(found[str(p)]["1 - p"]) for p in (*DROPPED, 0.5)}
        quantities = {
            f"NLL by p less NLL by 1 − p, p = {p}": at_least(
                list(worse[p]), MARGIN, above=0.0, control=float(worse[0.5].mean())
            )
            for p in DROPPED
        }
        means = {p: {way: np.mean(values) for way, values in found[str(p)].items()} for p in DROPPED}
        sentence = "; ".join(
            f"dropping {p:.0%} of the units, the factor 1 − p gives a negative log-likelihood of {of['1 - p']:.3f}, p "
            f"{of['p']:.3f}, none {of['none']:.3f}, the average over masks {of['masks']:.3f}"
            for p, of in means.items()
        )
        sentence = f"{sentence[0].upper()}{sentence[1:]}."
        control = f"At p = 1/2, where both are the same, they differ by {np.abs(worse[0.5]).max():.2g}."
        also = {
            f"NLL by 1 − p less that of the masks' average, p = {p}": reported(
                list(np.array(found[str(p)]["1 - p"]) - np.array(found[str(p)]["masks"]))
            )
            for p in DROPPED
        }
        holds = bool(np.abs(worse[0.5]).max() < 1e-6)
        return decide(sentence, quantities, control, holds, only="with 1 − p in place of p", also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the likelihood by each factor, for each probability."""
        picture = figure.new(6.0, 3.0)
        axes = picture.subplots()
        styles = {
            "1 - p": (figure.BLUE, ""),
            "p": (figure.ORANGE, "///"),
            "none": (figure.LIGHT_BLUE, "..."),
            "masks": (figure.GRAY, ""),
        }
        probabilities = sorted(map(float, found))
        for i, (way, (color, hatch)) in enumerate(styles.items()):
            means = [np.mean(found[str(p)][way]) for p in probabilities]
            places = np.arange(len(probabilities)) + 0.2 * (i - 1.5)
            label = {"none": "no factor", "masks": "average over masks"}.get(way, f"factor {way}")
            axes.bar(places, means, 0.2, color=color, hatch=hatch, edgecolor="white", label=label)
        axes.set_xticks(range(len(probabilities)), [f"p = {p}" for p in probabilities])
        axes.set(ylabel="negative log-likelihood")
        axes.legend(frameon=False)
        picture.tight_layout()
        return picture


def likelihoods(dataset: str, p: float, seeds: list[int]) -> dict[str, list[float]]:
    """Returns the test examples' mean negative log-likelihood, for each way to remove the randomness and each seed."""
    data = load(dataset).standardized().flat().first(TRAINING)

    def build():
        hidden = keras.layers.Dense(WIDTH, "relu", name="hidden")
        logits = keras.layers.Dense(data.num_classes, name="logits")
        return keras.Sequential([keras.Input(data.train[0].shape[1:]), hidden, tt.layers.Dropout(p), logits])

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    runs = Runs(build, optimizer="momentum", learning_rate=RATE, batch_size=32, loss=loss)
    found: dict[str, list[float]] = {"1 - p": [], "p": [], "none": [], "masks": []}
    for seed in seeds:
        runs.train(data.train, EPOCHS, seed)
        kernel, bias, kernel_out, bias_out = (np.asarray(w, "float64") for w in runs.trainer.model.get_weights()[:4])
        hidden = np.maximum(data.test[0] @ kernel + bias, 0)
        # Keras divides by 1 − p while it trains, so that the units as they were trained are 1/(1 − p) times as large.
        trained = kernel_out / (1 - p)
        for way, factor in (("1 - p", 1 - p), ("p", p), ("none", 1.0)):
            found[way].append(likelihood(special.softmax(hidden @ trained * factor + bias_out, axis=1), data.test[1]))
        kept = np.random.default_rng(seed).random((SAMPLES, 1, WIDTH)) >= p
        drawn = (special.softmax((hidden * mask) @ trained + bias_out, axis=1) for mask in kept)
        found["masks"].append(likelihood(sum(drawn) / SAMPLES, data.test[1]))
    return found


def likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean of −log p(label)."""
    return float(-np.mean(np.log(probabilities[np.arange(len(labels)), labels] + 1e-300)))
