"""Whether there are convex functions on which Adam does not converge, so that its proof must be wrong."""

from typing import Any

import keras
import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.annotations import Tensor
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, reported
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

RARE, OFTEN, PERIOD = 1010.0, -10.0, 101  # slopes of f_t, and how often the rare one comes
STEPS = 200_000
RATE = 0.5  # over √t
METHODS: dict[str, dict[str, Any]] = {
    "adam": {"beta_2": 0.99},
    "amsgrad": {"beta_2": 0.99, "amsgrad": True},
    "long memory": {"beta_2": 0.9999},
}
WORST, BEST = 0.95, -0.95  # where a walk ends: the worst place is 1, the best −1


class Adam(Lab):
    """The counterexample of Reddi et al. (2018): f_t(x) = 1010x at every 101st step, else −10x, for x in [−1, 1].

    Their sum over a period is 10x, so that −1 is best in the long run. Adam divides the rare, large gradient by its own
    size, and has forgotten it before it comes again: all it then sees is −10, which takes it to +1. AMSGrad, which does
    not let the divisor fall, must end at −1. So must, as the control, an Adam whose squares last longer than the period
    (β₂ = 0.9999 in place of 0.99). β₁ = 0.9 and a rate that falls like 1/√t satisfy all that the proof asks for. Where
    a walk ends is its mean over the last period.
    """

    claim = "Adam came with a proof of convergence, which was shown to be wrong."
    paper = "Reddi et al. 2018, On the convergence of Adam and beyond"

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Walks with each of the three."""
        return {name: bench.piece(name, walk, name) for name in METHODS}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Adam must end at the worst place, and AMSGrad at the best."""
        end = {name: found[name]["end"] for name in METHODS}
        quantities = {
            "where Adam ends": at_least(end["adam"], WORST, control=end["long memory"]),
            "where AMSGrad ends": at_most(end["amsgrad"], BEST),
        }
        sentence = (
            f"Where −1 is best and 1 is worst, Adam ends at {end['adam']:.3f} and AMSGrad at {end['amsgrad']:.3f}; per "
            f"step they lose {found['adam']['regret']:.3f} and {found['amsgrad']['regret']:.3f} against −1."
        )
        control = f"With β₂ = 0.9999, a memory of many periods, Adam ends at {end['long memory']:.3f}."
        also = {f"average regret, {name}": reported(found[name]["regret"]) for name in METHODS}
        return decide(sentence, quantities, control, bool(end["long memory"] <= BEST), also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the three walks over the steps."""
        picture = figure.new(6.5, 3.0)
        axes = picture.subplots()
        styles = {
            "adam": ("Adam, β₂ = 0.99", figure.ORANGE, "-"),
            "amsgrad": ("AMSGrad, β₂ = 0.99", figure.BLUE, "--"),
            "long memory": ("Adam, β₂ = 0.9999", figure.GRAY, ":"),
        }
        for name, (label, color, line) in styles.items():
            means = found[name]["path"]
            axes.semilogx(PERIOD * np.arange(1, len(means) + 1), means, line, color=color, label=label)
        axes.set(xlabel="step", ylabel="x, mean over a period", ylim=(-1.05, 1.05))
        axes.legend(frameon=False, loc="center left")
        figure.plain_ticks(axes.xaxis)
        picture.tight_layout()
        return picture


@keras.saving.register_keras_serializable("tf_tricks")
class InverseRoot(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that falls like 1/√t, for t from 1 on."""

    def __init__(self, initial: float):
        self.initial = initial

    def __call__(self, step: Tensor) -> Tensor:
        """Returns the rate of a step, from 0."""
        return self.initial / ops.sqrt(ops.cast(step, "float32") + 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {"initial": self.initial}


def walk(name: str) -> dict[str, Any]:
    """Returns where a method ends from 0, its mean place in each period, and its average regret against −1."""
    optimizer = tt.optimizers.get({"name": "adam", **METHODS[name]})
    optimizer.learning_rate = InverseRoot(RATE)
    path = descend(optimizer, slope, [0.0], STEPS, constraint=lambda x: ops.clip(x, -1.0, 1.0))[:, 0].astype("float64")
    slopes = np.where(np.arange(STEPS) % PERIOD == 0, RARE, OFTEN)
    periods = path[1 : 1 + STEPS // PERIOD * PERIOD].reshape(-1, PERIOD).mean(axis=1)
    return {"end": path[-PERIOD:].mean(), "path": periods, "regret": float(np.mean(slopes * (path[:-1] + 1)))}


def slope(point: Tensor, step: Tensor) -> Tensor:
    """Returns the gradient of f_t, the same at each x."""
    return ops.where(ops.equal(step % PERIOD, 0), RARE, OFTEN) * ops.ones_like(point)
