"""Whether random search beats a grid because few of the parameters matter, by the exact chances of both."""

from typing import Any

import numpy as np

from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, equivalent, reported
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure
from tf_tricks.search import uniform
from tf_tricks.search.points import points

DIMENSIONS, ALONG = 3, 4
TRIALS = ALONG**DIMENSIONS
WIDTH = 0.1  # of what is good along the one axis that matters
SIDE = (ALONG * WIDTH) ** (1 / DIMENSIONS) / ALONG  # of a cube that a grid finds as often
CHANCES = {
    ("one axis", "grid"): ALONG * WIDTH,
    ("one axis", "random"): 1 - (1 - WIDTH) ** TRIALS,
    ("all axes", "grid"): (ALONG * SIDE) ** DIMENSIONS,
    ("all axes", "random"): 1 - (1 - SIDE**DIMENSIONS) ** TRIALS,
}
REPEATS, AT_ONCE = 50_000, 1_000  # searches of each kind
TOLERANCE = 0.01  # of a chance, which four of its standard deviations do not reach
GAIN = 0.3  # half of what the chances differ by


class EffectiveDimension(Lab):
    """64 trials in a unit cube of 3 dimensions, at random and on a grid of 4³ at a place drawn at random.

    Good is what lies in a slice of width w = 0.1 across one axis. A grid has 4 different values there and finds it with
    the chance 4w = 0.4; random trials have 64, and the chance is 1 − (1 − w)⁶⁴ = 0.9988. In the control all axes
    matter alike: good is a cube that the grid finds with the same chance of 0.4. Random trials, which may fall beside
    each other, then find it less often than the grid: the chance that one of 64 lies in the volume v is at most 64v.
    """

    claim = "It is better to run the search randomly than on a grid."
    paper = "Bergstra & Bengio 2012, figure 1"
    seeds = {"quick": 3, "full": 5}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Counts how often either search finds what is good."""
        found: dict[str, Any] = {}
        for target, sampler in CHANCES:
            key = f"{target}, {sampler}"
            found[key] = [bench.piece(f"{key} {i}", hits, target, sampler, REPEATS, i) for i in bench.seeds]
        space = {name: uniform(0.0, 1.0) for name in "abc"}
        found["drawn"] = [[point["a"], point["b"]] for point in points("random", space, TRIALS, 0)]
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """The chances must be those of the formulas, and random search ahead where one axis matters."""
        shares = {chance: np.array(found[", ".join(chance)]) for chance in CHANCES}
        ahead = {target: list(shares[target, "random"] - shares[target, "grid"]) for target in ("one axis", "all axes")}
        control = at_least(ahead["all axes"], GAIN, above=0.0)
        quantities = {
            "random over grid, one axis matters": at_least(ahead["one axis"], GAIN, above=0.0, control=control.value)
        }
        for chance, expected in CHANCES.items():
            quantities[f"{', '.join(chance)}, less {expected:.4f}"] = equivalent(
                list(shares[chance] - expected), TOLERANCE
            )
        means = {chance: of_chance.mean() for chance, of_chance in shares.items()}
        sentence = (
            f"Where one of three axes matters, {TRIALS} random trials find a slice of {WIDTH} with the chance "
            f"{means['one axis', 'random']:.4f}, those of a grid with {means['one axis', 'grid']:.3f}."
        )
        said = (
            f"Where all axes matter alike, the grid finds a cube with the chance {means['all axes', 'grid']:.3f}, and "
            f"random trials with {means['all axes', 'random']:.3f}."
        )
        also = {"random over grid, all axes matter": reported(ahead["all axes"])}
        only = "where few of the parameters matter"
        return decide(sentence, quantities, said, not control.holds, only=only, also=also)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws both searches with a slice that the grid misses, as Bergstra & Bengio's figure 1 does."""
        picture = figure.new(6.2, 3.2)
        middles = (np.arange(ALONG) + 0.5) / ALONG
        on_grid = [[x, y] for x in middles for y in middles]
        for axes, (name, shown) in zip(
            picture.subplots(1, 2), (("a grid of 4³", on_grid), ("64 random trials", found["drawn"]))
        ):
            x, y = np.transpose(shown)
            inside = np.abs(x - 0.5) < WIDTH / 2
            axes.axvspan(0.5 - WIDTH / 2, 0.5 + WIDTH / 2, color=figure.LIGHT_BLUE, linewidth=0)
            axes.plot(x[~inside], y[~inside], "o", color=figure.GRAY, markerfacecolor="none", markersize=4.5)
            axes.plot(x[inside], y[inside], "o", color=figure.BLUE, markersize=5.5)
            axes.vlines(x, 1.01, 1.05, color=figure.ORANGE, linewidth=0.9, clip_on=False)
            axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
            axes.set(xlabel="the parameter that matters", ylabel="another one")
            axes.set_title(f"{name}: {len(set(x))} values", pad=12)
        picture.tight_layout()
        return picture


def hits(target: str, sampler: str, repeats: int, seed: int) -> float:
    """Returns the share of searches of which a trial is good.

    Args:
        target: `"one axis"`, a slice of `WIDTH` across the first axis; or `"all axes"`, a cube of `SIDE`. Either lies
            anywhere in the unit cube.
        sampler: `"random"` or `"grid"`, which is moved by up to its spacing along each axis.
        repeats: searches, each with a target of its own; a multiple of `AT_ONCE`.
        seed: of both.
    """
    generator = np.random.default_rng([seed, sampler == "grid", target == "one axis"])
    sides = np.array([WIDTH, 1.0, 1.0] if target == "one axis" else [SIDE] * DIMENSIONS)
    corners = np.stack(np.meshgrid(*[np.arange(ALONG)] * DIMENSIONS), axis=-1).reshape(TRIALS, DIMENSIONS)
    found = 0
    for _ in range(repeats // AT_ONCE):
        tried = generator.uniform(size=(AT_ONCE, TRIALS, DIMENSIONS))
        if sampler == "grid":
            tried = (corners + tried[:, :1]) / ALONG
        begin = generator.uniform(0, 1 - sides, (AT_ONCE, 1, DIMENSIONS))
        good = np.all((tried >= begin) & (tried <= begin + sides), axis=2)
        found += int(np.sum(np.any(good, axis=1)))
    return found / repeats
