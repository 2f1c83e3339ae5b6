"""Whether there are data on which adaptive methods do not generalize at all where gradient descent does perfectly."""

from typing import Any

import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

EXAMPLES, POSITIVE, STEPS = 50, 0.6, 4000  # n, P(y = 1), and updates of the full batch
METHODS: dict[str, tuple[float, dict[str, Any]]] = {  # the rate of each, and its other arguments
    "gradient descent": (0.3, {"name": "sgd"}),
    "heavy ball": (0.1, {"name": "sgd", "momentum": 0.9}),
    "adagrad": (0.02, {"name": "adagrad", "initial_accumulator_value": 0.0, "epsilon": 1e-10}),
    "rmsprop": (1e-4, {"name": "rmsprop", "epsilon": 1e-10}),
    "adam": (1e-4, {"name": "adam", "epsilon": 1e-10}),
}
ADAPTIVE = ("adagrad", "rmsprop", "adam")
PARALLEL, FITTED = 0.999, 1e-2  # least cosine with sign(Xᵀy), and largest training loss


class MarginalValue(Lab):
    """The least-squares problem of Wilson et al. (2017), section 3.3, from w = 0 by the full batch.

    Feature 1 is the label y; features 2 and 3 are 1 for everybody; then each example has features of its own, one if y
    is 1 and five if it is −1. All methods fit the training examples. Those that divide each gradient by its own size
    keep w parallel to sign(Xᵀy), where features 1 to 3 count alike: a new example, whose own features nobody has seen,
    gets y + 2 and so is always taken for positive. Without features 2 and 3, the control, they must be right.
    """

    claim = "Data sets can be constructed on which adaptive methods do not generalize at all."
    paper = "Wilson et al. 2017, arXiv:1705.08292"
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Fits the examples of each seed by each method, and Adam those without the two features."""
        found = {name: [bench.piece(f"{name}-{s}", fitted, name, s, 2) for s in bench.seeds] for name in METHODS}
        return found | {"control": [bench.piece(f"control-{s}", fitted, "adam", s, 0) for s in bench.seeds]}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Gradient descent must be right about all new examples, and adaptive methods about the positive ones alone."""
        accuracy = {name: [of["accuracy"] for of in found[name]] for name in found}
        share = [of["positive"] for of in found["adam"]]
        loss = max(of["loss"] for name in METHODS for of in found[name])
        cosine = min(of["cosine"] for name in ADAPTIVE for of in found[name])
        apart = max(float(np.max(np.abs(np.subtract(accuracy[name], share)))) for name in ADAPTIVE)
        control = float(np.min(accuracy["control"]))
        quantities = {
            "least accuracy of gradient descent": at_least(float(np.min(accuracy["gradient descent"])), 1.0),
            "least accuracy of heavy ball": at_least(float(np.min(accuracy["heavy ball"])), 1.0),
            "accuracy of adaptive methods, farthest from the share of positives": at_most(apart, 0.0, control=control),
            "least cosine of their weights with sign(Xᵀy)": at_least(cosine, PARALLEL),
            "largest training loss of all methods": at_most(loss, FITTED),
        }
        sentence = (
            f"All methods fit the training examples; of new ones gradient descent is right about "
            f"{np.mean(accuracy['gradient descent']):.3f}, and AdaGrad, RMSprop and Adam about "
            f"{np.mean(accuracy['adam']):.3f}, the share of positive ones."
        )
        said = f"Without the two features that all examples have, Adam is right about {control:.3f} at least."
        return decide(sentence, quantities, said, control == 1.0)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the accuracy on new examples by each method, beside the share of positive ones."""
        picture = figure.new(6.0, 2.8)
        axes = picture.subplots()
        accuracy = {name: np.mean([of["accuracy"] for of in found[name]]) for name in METHODS}
        colors = [figure.ORANGE if name in ADAPTIVE else figure.BLUE for name in METHODS]
        hatches = ["///" if name in ADAPTIVE else "" for name in METHODS]
        axes.barh(list(accuracy), list(accuracy.values()), color=colors, hatch=hatches, edgecolor="white")
        share = np.mean([of["positive"] for of in found["adam"]])
        axes.axvline(share, color="black", linestyle=":", label="share of positive examples")
        axes.invert_yaxis()
        axes.set(xlabel="accuracy on new examples", xlim=(0, 1.02))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        picture.tight_layout()
        return picture


def problem(seed: int, common: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns X, float32 [n, 1 + common + 5 n], and y, float32 [n]: 1 with probability 0.6, else −1.

    Args:
        seed: of the labels.
        common: how many features are 1 for all examples.
    """
    labels = labels_of(np.random.default_rng(seed), EXAMPLES)
    inputs = np.zeros((EXAMPLES, 1 + common + 5 * EXAMPLES), "float32")
    inputs[:, 0], inputs[:, 1 : 1 + common] = labels, 1.0
    for i, label in enumerate(labels):
        first = 1 + common + 5 * i
        inputs[i, first : first + (1 if label > 0 else 5)] = 1.0
    return inputs, labels


def labels_of(random: np.random.Generator, number: int) -> np.ndarray:
    """Returns labels 1 and −1, of which more are 1 than not, as the theorem asks."""
    while True:
        labels = np.where(random.random(number) < POSITIVE, 1.0, -1.0).astype("float32")
        if labels.sum() > 0:
            return labels


def fitted(name: str, seed: int, common: int) -> dict[str, float]:
    """Returns training loss, accuracy on new examples, the share of positive ones, and the cosine with sign(Xᵀy)."""
    inputs, labels = problem(seed, common)

    def gradient(weights, step):
        return ops.matmul(ops.transpose(inputs), ops.matmul(inputs, weights) - labels) / EXAMPLES

    rate, arguments = METHODS[name]
    optimizer = tt.optimizers.get(arguments)
    optimizer.learning_rate = rate
    weights = descend(optimizer, gradient, np.zeros(inputs.shape[1]), STEPS)[-1].astype("float64")
    new = labels_of(np.random.default_rng(1000 + seed), 1000)
    scores = weights[0] * new + weights[1 : 1 + common].sum()  # features of their own have weight 0
    signs = np.sign(inputs.T @ labels)
    return {
        "loss": float(np.mean((inputs @ weights - labels) ** 2)),
        "accuracy": float(np.mean(np.sign(scores) == new)),
        "positive": float(np.mean(new > 0)),
        "cosine": float(weights @ signs / np.linalg.norm(weights) / np.linalg.norm(signs)),
    }
