"""Whether AdaGrad speeds up flat directions, and is slow for good where a flat direction becomes steep."""

from typing import Any

import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, reported
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

FLAT, STEEP = 1.0, 100.0  # curvatures
METHODS: dict[str, dict[str, Any]] = {
    "adagrad": {"initial_accumulator_value": 0.0, "epsilon": 0.0},
    "rmsprop": {"rho": 0.9, "epsilon": 0.0},
    "sgd": {},
}
RATES = {"adagrad": 0.5, "rmsprop": 0.005, "sgd": 2 / (FLAT + STEEP)}  # the best constant one for gradient descent
NEAR = 0.01  # where a walk from (1, 1) has arrived, in both directions
BEFORE, AFTER = 500, 20_000  # steps before and after the curvatures are exchanged
SAME = 1e-6
FASTER = 10.0
GROWS, STAYS = 10.0, 1.5  # factors of the steps, after the exchange
WITHOUT_EXCHANGE = 3.0


class Adagrad(Lab):
    """A bowl of curvatures 1 and 100, which change places after the first 500 steps.

    AdaGrad does not see the scale of a gradient, so that its ways along the flat and the steep axis must be the same;
    gradient descent's are not, which is the one control. Then the walk begins again at (1, 1) on the bowl with its axes
    exchanged, with the sums of squares that it has: AdaGrad keeps those of the axis that was steep and is flat now,
    RMSprop forgets them. The other control begins again on the same bowl, where the sums do little harm.
    """

    claim = (
        "AdaGrad accelerates in flat directions; its rate only ever falls, so that some parameters can become "
        "un-learnable, and RMSprop repairs that."
    )
    erratum = (
        "AdaGrad and RMSprop lack ε: where a gradient is 0 from the start, as at a pixel that is always 0, their first "
        "step is 0/0. The interim update θ + ρv belongs to Nesterov's algorithm. A parameter becomes slow, not "
        "un-learnable: with enough steps it arrives."
    )
    paper = "Duchi et al. 2011, JMLR 12"

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Walks before and after the exchange, and one step where a gradient is 0."""
        found: dict[str, Any] = {}
        for method in METHODS:
            found[method] = bench.piece(method, before_and_after, method, True)
        found["adagrad, no exchange"] = bench.piece("adagrad-no-exchange", before_and_after, "adagrad", False)
        found["lost"] = {
            f"{method}, ε = {epsilon:g}": bench.piece(f"{method}-{epsilon:g}", share_lost, method, epsilon)
            for method in ("adagrad", "rmsprop")
            for epsilon in (0.0, 1e-7)
        }
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """AdaGrad's ways must be one, fast at first and slow after the exchange; RMSprop's must not slow down."""
        steps = {name: np.array(kept["steps"], float) for name, kept in found.items() if name != "lost"}
        growth = {name: float(after / before) for name, (before, after) in steps.items()}
        apart = {method: found[method]["apart"] for method in METHODS}
        faster = float(steps["sgd"][0] / steps["adagrad"][0])
        unchanged = growth["adagrad, no exchange"]
        quantities = {
            "difference between flat and steep, AdaGrad": at_most(apart["adagrad"], SAME, control=apart["sgd"]),
            "steps of gradient descent over AdaGrad's": at_least(faster, FASTER),
            "growth of AdaGrad's steps by the exchange": at_least(growth["adagrad"], GROWS, control=unchanged),
            "growth of RMSprop's steps by the exchange": at_most(growth["rmsprop"], STAYS),
        }
        sentence = (
            f"AdaGrad's ways along the flat and the steep axis differ by {apart['adagrad']:.1g}, and take "
            f"{steps['adagrad'][0]:.0f} steps where gradient descent takes {steps['sgd'][0]:.0f}. With the axes "
            f"exchanged AdaGrad takes {steps['adagrad'][1]:.0f}, RMSprop {steps['rmsprop'][1]:.0f} after "
            f"{steps['rmsprop'][0]:.0f}."
        )
        control = (
            f"Gradient descent's ways differ by {apart['sgd']:.2f}; without the exchange AdaGrad's steps grow "
            f"{unchanged:.2f} times."
        )
        also = {f"share of NaN, {name}": reported(share) for name, share in found["lost"].items()}
        return decide(sentence, quantities, control, apart["sgd"] > 0.1 and unchanged <= WITHOUT_EXCHANGE, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the ways in the plane, and the distance before and after the exchange."""
        picture = figure.new(6.5, 3.2)
        left, right = picture.subplots(1, 2)
        styles = {"adagrad": ("AdaGrad", figure.BLUE), "rmsprop": ("RMSprop", figure.ORANGE)}
        for method, color, line, label in (
            ("sgd", figure.GRAY, ":", "gradient descent"),
            ("adagrad", figure.BLUE, "-o", "AdaGrad"),
        ):
            flat, steep = np.array(found[method]["before"]).T
            left.plot(steep, flat, line, color=color, label=label, markersize=3, linewidth=1)
        left.plot(0, 0, "k+", markersize=10)
        left.set(xlabel="along the steep axis", ylabel="along the flat axis")
        left.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        for method, (label, color) in styles.items():
            for when, line in (("before", "-"), ("after", "--")):
                distance = np.abs(found[method][when]).max(axis=1)
                right.loglog(1 + np.arange(len(distance)), distance, line, color=color, label=f"{label}, {when}")
        right.axhline(NEAR, color="black", linewidth=0.5)
        right.set(xlabel="1 + step", ylabel="distance from the minimum", ylim=(1e-4, 2))
        right.legend(frameon=False, loc="lower left")
        for axis in (right.xaxis, right.yaxis):
            figure.plain_ticks(axis)
        picture.tight_layout()
        return picture


def before_and_after(method: str, exchange: bool) -> dict[str, Any]:
    """Returns the steps to the minimum before and after the curvatures change places, and how far the axes differ.

    Args:
        method: a key of `METHODS`.
        exchange: whether they do; otherwise the walk only begins again.
    """
    optimizer = made(method)
    curvature = np.array([FLAT, STEEP])
    before = descend(optimizer, lambda point, _: ops.convert_to_tensor(curvature) * point, [1, 1], BEFORE, "float64")
    changed = curvature[::-1].copy() if exchange else curvature
    after = descend(optimizer, lambda point, _: ops.convert_to_tensor(changed) * point, [1, 1], AFTER, "float64")
    steps = [steps_to_arrive(before), steps_to_arrive(after)]
    apart = float(np.abs(before[:, 0] - before[:, 1]).max())
    ways = {"before": before, "after": after}
    cut = {when: way[: (count or len(way)) + 1] for (when, way), count in zip(ways.items(), steps)}
    return {"steps": steps, "apart": apart, **cut}


def share_lost(method: str, epsilon: float) -> float:
    """Returns the share of NaN among three parameters after a step, of which the gradient is 0 for the first."""
    optimizer = made(method, epsilon=epsilon)
    path = descend(optimizer, lambda point, _: ops.convert_to_tensor([0.0, 1.0, 2.0]) * point, [1, 1, 1], 1)
    return float(np.isnan(path[-1]).mean())


def made(method: str, **arguments: Any) -> Any:
    """Returns a new optimizer with its rate."""
    optimizer = tt.optimizers.get({"name": method, **METHODS[method], **arguments})
    optimizer.learning_rate = RATES[method]
    return optimizer


def steps_to_arrive(path: np.ndarray) -> int | None:
    """Returns after how many steps a walk is near the minimum in both directions, or None."""
    near = np.abs(path).max(axis=1) <= NEAR
    return int(near.argmax()) if near.any() else None
