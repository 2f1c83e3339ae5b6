"""Whether the slides' programs run on today's Keras, and compute what they should."""

from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

N, INPUTS, HIDDEN, OUTPUTS = 64, 1000, 100, 10
RATE, UPDATES = 0.03, 50
EQUAL = 1e-5  # of a loss, relative
OFF = 1.01  # the factor on the control's rate


class Frameworks(Lab):
    """The two-layer regression in three ways from equal weights, and a residual network from one function.

    By Keras and the trainer, the losses of 50 updates must be those of 20 lines of NumPy in float64; NumPy at a rate
    1 % larger is the control, which must be told apart. The slide's TensorFlow program, in today's words, asks for the
    loss and the gradients again and again, and does nothing with them.
    """

    claim = "The same two-layer regression can be written in each framework, and a ResNet fits on one page."
    erratum = "The slide's TensorFlow program computes gradients and never applies them: its loss stays as it was."
    seeds = {"quick": 2, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Runs each program with each seed."""
        programs = {"numpy": by_numpy, "keras": by_keras, "slide": as_on_the_slide, "resnet": residual}
        found = {name: [bench.piece(f"{name}-{s}", run, s) for s in bench.seeds] for name, run in programs.items()}
        return found | {"control": [bench.piece(f"control-{s}", by_numpy, s, OFF * RATE) for s in bench.seeds]}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Keras's losses must be NumPy's, the slide's must not move, and the residual network must learn."""
        off = difference(found["control"], found["numpy"])
        stays = max(float(np.ptp(losses)) for losses in found["slide"])
        falls = [losses[0] / losses[-1] for losses in found["resnet"]]
        quantities = {
            "largest difference of Keras's loss from NumPy's, relative": at_most(
                difference(found["keras"], found["numpy"]), EQUAL, control=off
            ),
            "change of the loss of the slide's program": at_most(stays, 0.0),
            "loss of the residual network, first over last epoch": at_least(float(min(falls)), 2.0),
        }
        losses = np.mean(found["keras"], axis=0)
        sentence = (
            f"In {UPDATES} updates the regression's loss falls from {losses[0]:.3f} to {losses[-1]:.3g}, as NumPy's "
            f"does up to {difference(found['keras'], found['numpy']):.1e} of it; the slide's TensorFlow program leaves "
            "it where it was."
        )
        return decide(sentence, quantities, f"A rate 1 % larger differs by {off:.1e}.", off > 10 * EQUAL)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the losses of the regression over the updates."""
        picture = figure.new(6.0, 3.0)
        axes = picture.subplots()
        styles: dict[str, dict[str, Any]] = {
            "numpy": dict(color=figure.LIGHT_BLUE, linewidth=4, label="NumPy"),
            "keras": dict(color=figure.BLUE, linestyle="--", label="Keras"),
            "slide": dict(color=figure.ORANGE, linestyle=":", label="the slide's TensorFlow"),
        }
        for name, style in styles.items():
            axes.semilogy(np.arange(UPDATES), np.mean(found[name], axis=0), **style)
        axes.set(xlabel="update", ylabel="loss")
        axes.legend(frameon=False)
        figure.plain_ticks(axes.yaxis)
        picture.tight_layout()
        return picture


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns inputs and targets, N(0, 1), and both kernels, of He et al.'s variance, as float32."""
    random = np.random.default_rng(seed)
    shapes = (N, INPUTS), (N, OUTPUTS), (INPUTS, HIDDEN), (HIDDEN, OUTPUTS)
    scales = 1.0, 1.0, (2 / INPUTS) ** 0.5, (2 / HIDDEN) ** 0.5
    return tuple(np.float32(scale * random.normal(size=shape)) for scale, shape in zip(scales, shapes))  # type: ignore


def by_numpy(seed: int, rate: float = RATE) -> list[float]:
    """Returns the loss before each update of gradient descent, by the gradients of the slides' first program."""
    x, y, w1, w2 = (array.astype("float64") for array in problem(seed))
    losses = []
    for _ in range(UPDATES):
        before = x @ w1
        h = np.maximum(before, 0)
        difference = h @ w2 - y
        losses.append(float(np.mean(difference**2)))
        grad_out = 2 * difference / difference.size
        grad_w1 = x.T @ ((grad_out @ w2.T) * (before > 0))
        w2 -= rate * h.T @ grad_out
        w1 -= rate * grad_w1
    return losses


def by_keras(seed: int) -> list[float]:
    """Returns the same by a Keras model and the trainer."""
    x, y, w1, w2 = problem(seed)
    hidden = keras.layers.Dense(HIDDEN, "relu", use_bias=False)
    model = keras.Sequential([keras.Input((INPUTS,)), hidden, keras.layers.Dense(OUTPUTS, use_bias=False)])
    model.set_weights([w1, w2])
    trainer = tt.Trainer(model, "sgd", learning_rate=RATE, batch_size=N, loss="mean_squared_error")
    return trainer.fit((x, y), UPDATES, verbose=0).history["loss"]


def as_on_the_slide(seed: int) -> list[float]:
    """Returns the losses of the slide's TensorFlow program, run as often: gradients are asked for, and that is all."""
    import tensorflow as tf

    x, y, w1, w2 = map(tf.constant, problem(seed))

    @tf.function
    def program():
        h = tf.maximum(tf.matmul(x, w1), 0)
        loss = tf.reduce_mean((tf.matmul(h, w2) - y) ** 2)
        return loss, tf.gradients(loss, [w1, w2])

    return [float(program()[0]) for _ in range(UPDATES)]


def residual(seed: int) -> list[float]:
    """Returns the loss of each of six epochs of the smallest residual network, ResNet-8, on the digits."""
    splits = tt.data.get("digits")
    keras.utils.set_random_seed(seed)
    model = tt.models.resnet((8, 8, 1), num_outputs=10, depth=8, mean=splits.mean, variance=splits.variance)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer = tt.Trainer(model, "momentum", learning_rate=0.05, batch_size=64, loss=loss)
    return trainer.fit(splits.train, 6, verbose=0).history["loss"]


def difference(some: list[list[float]], others: list[list[float]]) -> float:
    """Returns the largest relative difference between losses."""
    return float(np.max(np.abs(np.array(some) - np.array(others)) / np.abs(np.array(others))))
