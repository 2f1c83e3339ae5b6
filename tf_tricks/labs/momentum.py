"""Whether momentum takes the square root of the steps that gradient descent takes, and Nesterov's overshoots less."""

from typing import Any

import numpy as np
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, at_most, reported, within
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure

METHODS = {"descent": "gradient descent", "heavy ball": "heavy ball", "nesterov": "Nesterov"}
SLOPES = {"descent": 1.0, "heavy ball": 0.5, "nesterov": 0.5}  # of log steps over log κ
SLOPE_TOLERANCE = 0.1
CONDITIONS = tuple(float(condition) for condition in np.logspace(2, 4, 5))  # κ
NEAR = 1e-6  # of the first distance from the minimum, where the steps are counted
MOST_STEPS = 100_000
STEEP, FLAT = 0.2, 0.003  # learning rate × curvature: where momentum of 0.9 overshoots, and where it creeps
LESS_OVERSHOOT = 0.15
KINDS = {"steep": STEEP, "flat": FLAT}
SAME = 1e-12  # up to which Nesterov's step is the lecture's eq. (5)


class Momentum(Lab):
    """Quadratics of ten curvatures from 1/κ to 1, by each method at the rate and momentum that are best in theory.

    Gradient descent needs steps in proportion to κ, both kinds of momentum to √κ (Polyak 1964, Nesterov 1983). The
    control is a round bowl, κ = 1, where gradient descent arrives at once and momentum of 0.9 must be slower. Overshoot
    is how far beyond the minimum a walk from 1 comes in one dimension, with the same rate and momentum 0.9; where the
    rate is small, Nesterov's gradient is taken at almost the same place, and must make no difference.
    """

    claim = "Momentum accelerates gradient descent; it can overshoot, and Nesterov's method overshoots less."
    erratum = (
        "The first form of eq. (4) writes w for v. To the letter no velocity ever comes about, and the parameters stay "
        "where they are."
    )
    paper = "Sutskever et al. 2013, On the importance of initialization and momentum in deep learning"

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Counts steps for each κ, and follows walks in one dimension."""
        conditions = CONDITIONS[::2] if bench.is_quick else CONDITIONS
        found: dict[str, Any] = {"conditions": conditions, "steps": {}, "steep": {}, "flat": {}}
        for method in METHODS:
            counts = [bench.piece(f"{method}-{kappa:.0f}", steps_at_best, method, kappa) for kappa in conditions]
            found["steps"][method] = counts
        for method in ("heavy ball", "nesterov"):
            for kind, rate in KINDS.items():
                found[kind][method] = bench.piece(f"{kind}-{method}", walk, method, rate, 0.9, [1.0], 3000)
        round_bowl = walk("descent", 1.0, 0.0, [1.0], 10), walk("heavy ball", 1.0, 0.9, [1.0], 1000)
        found["round"] = [steps_until_near(path) for path in round_bowl]
        found["difference from eq. (5)"] = bench.piece("eq5", difference_from_equation_5)
        found["distance by eq. (4)"] = bench.piece("eq4", distance_by_first_equation_4)
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Slopes must be 1, ½ and ½, the overshoot smaller, and the optimizer's step the lecture's."""
        slope = {method: slope_of(found["conditions"], found["steps"][method]) for method in METHODS}
        less = {kind: overshoot(found[kind]["heavy ball"]) - overshoot(found[kind]["nesterov"]) for kind in KINDS}
        quantities = {
            f"growth of log steps with log κ, {name}": within(slope[method], SLOPES[method], SLOPE_TOLERANCE)
            for method, name in METHODS.items()
        }
        less_overshoot = at_least(less["steep"], LESS_OVERSHOOT, control=less["flat"])
        quantities["overshoot, heavy ball less Nesterov"] = less_overshoot
        quantities["difference from eq. (5)"] = at_most(found["difference from eq. (5)"], SAME)
        counts = ", ".join(f"{name} {found['steps'][method][-1]}" for method, name in METHODS.items())
        ends = [overshoot(found["steep"][method]) for method in ("heavy ball", "nesterov")]
        sentence = (
            f"Steps grow like κ to the {slope['descent']:.2f}, {slope['heavy ball']:.2f} (heavy ball) and "
            f"{slope['nesterov']:.2f} (Nesterov); at κ = {found['conditions'][-1]:.0f}: {counts}. Heavy ball "
            f"overshoots by {ends[0]:.2f}, Nesterov by {ends[1]:.2f} of the first distance."
        )
        descent, ball = found["round"]
        control = (
            f"On a round bowl gradient descent takes {descent} step, momentum {ball}; at a small rate the overshoots "
            f"differ by {less['flat']:.4f}."
        )
        fails = descent < ball and abs(less["flat"]) < LESS_OVERSHOOT / 10
        also = {"distance that the first eq. (4) goes": reported(found["distance by eq. (4)"])}
        return decide(sentence, quantities, control, fails, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the steps over κ, and the two walks that overshoot."""
        picture = figure.new(6.5, 3.0)
        left, right = picture.subplots(1, 2)
        styles = {"descent": (figure.GRAY, ":o"), "heavy ball": (figure.ORANGE, "--s"), "nesterov": (figure.BLUE, "-^")}
        for method, (color, line) in styles.items():
            left.loglog(found["conditions"], found["steps"][method], line, color=color, label=METHODS[method], ms=4)
        left.set(xlabel="condition number κ", ylabel="steps to 10⁻⁶ of the distance")
        left.legend(frameon=False)
        for axis in (left.xaxis, left.yaxis):
            figure.plain_ticks(axis)
        right.axhline(0.0, color="black", linewidth=0.5)
        for method in ("heavy ball", "nesterov"):
            color, line = styles[method]
            right.plot(np.array(found["steep"][method])[:40], line[:-1], color=color, label=METHODS[method])
        right.set(xlabel="step", ylabel="place, the minimum at 0")
        right.legend(frameon=False)
        picture.tight_layout()
        return picture


def steps_at_best(method: str, condition: float) -> int | None:
    """Returns how many steps a method takes on a quadratic of condition number κ, at its best rate and momentum.

    Args:
        method: a key of `METHODS`.
        condition: κ; the largest curvature is 1.
    """
    root = condition**0.5
    rate, momentum = {
        "descent": (2 / (1 + 1 / condition), 0.0),
        "heavy ball": (4 / (1 + 1 / root) ** 2, ((root - 1) / (root + 1)) ** 2),
        "nesterov": (1.0, (root - 1) / (root + 1)),
    }[method]
    return steps_until_near(walk(method, rate, momentum, list(np.geomspace(1 / condition, 1, 10)), MOST_STEPS))


def walk(method: str, rate: float, momentum: float, curvatures: list[float], steps: int) -> np.ndarray:
    """Returns the way on a quadratic from (1, …, 1), [steps + 1, d]."""
    curvature = np.array(curvatures, "float32")
    optimizer = tt.optimizers.Momentum(rate, momentum, nesterov=method == "nesterov")
    return descend(optimizer, lambda point, _: curvature * point, np.ones(len(curvature)), steps)


def steps_until_near(path: np.ndarray) -> int | None:
    """Returns after how many steps a way is near 0 and stays there, or None: momentum may fly through the minimum."""
    distance = np.linalg.norm(path, axis=1)
    far = np.flatnonzero(distance > NEAR * distance[0])
    return int(far[-1]) + 1 if far[-1] + 1 < len(path) else None


def overshoot(path: list[list[float]]) -> float:
    """Returns how far a way from 1 comes beyond 0."""
    return float(np.maximum(-np.array(path), 0.0).max())


def slope_of(conditions: list[float], steps: list[int | None]) -> float:
    """Returns the slope of log steps over log κ, by least squares; NaN where a walk has not arrived."""
    return float(np.polyfit(np.log(conditions), np.log(np.array(steps, dtype=float)), 1)[0])


def difference_from_equation_5() -> float:
    """Returns the largest difference between the optimizer's way and that of v ← μv − η∇f(θ + μv), θ ← θ + v."""
    rate, momentum, steps = 0.25, 0.9375, 200  # float32 holds them exactly
    curvature = np.array([0.001, 0.1, 1.0])
    optimizer = tt.optimizers.Momentum(rate, momentum, nesterov=True)
    path = descend(optimizer, lambda point, _: ops.convert_to_tensor(curvature) * point, np.ones(3), steps, "float64")
    place, velocity, largest = np.ones(3), np.zeros(3), 0.0
    for point in path[1:]:
        velocity = momentum * velocity - rate * curvature * (place + momentum * velocity)
        place = place + velocity
        largest = max(largest, float(np.abs(point - (place + momentum * velocity)).max()))
    return largest


def distance_by_first_equation_4() -> float:
    """Returns how far w ← μv − η∇f(θ), θ ← θ + v goes in 100 steps on a parabola, from rest."""
    place, velocity = 1.0, 0.0
    for _ in range(100):
        _w = 0.9 * velocity - 0.1 * place
        place = place + velocity
    return abs(place - 1.0)
