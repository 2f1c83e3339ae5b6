"""Whether a random search finds better hyper-parameters than a grid of as many trials."""

from typing import Any

import numpy as np

from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import Estimate, at_least, reported
from tf_tricks.labs.bench.trials import SPACE, Trials
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure
from tf_tricks.search import log_uniform
from tf_tricks.search.points import points

SIZE, LARGE = 16, 81  # trials of a grid of 2 and of 3 values along each of 4 axes
GAIN = 0.01  # of validation accuracy, by which 16 random trials must be better than 16 of a grid
LARGE_GRIDS = 3
DRAWS = 4000
NUMBERS = (2, 4, 8, 16, 32, 64)


class RandomSearch(Lab):
    """A network of one hidden layer; searched are the logarithms of learning rate, L2, width and scale of its weights.

    For each seed there are 32 random trials (12 where it must be quick), which go into one pool, and two grids of 2⁴:
    one from end to end of each range, its ends moved inwards by up to a quarter of the range; and one through the
    middles of the halves, moved by up to a quarter. A random search of n trials is the best of n drawn from the pool;
    the intervals are bootstrapped over pool and grids. Small runs gave 3.5 to 7 points over the grid from end to end,
    of which the threshold is less than a third, and 0.4 points, from −1 to 1.7, over the one through the middles, whose
    maker knows that extreme values are bad: there the claim is not expected to hold. In the control the accuracies are
    dealt out anew among all trials.

    Reported beside it is what 8 random trials are worth against grids of 3⁴ from end to end, whose third value is the
    middle again: small runs gave no difference, and larger ones find these grids better, as ten times the trials are.
    """

    claim = "It is better to run the search randomly than on a grid."
    paper = (
        "Bergstra & Bengio 2012, whose own caveat is that over 32 parameters of a deep belief network random search "
        "won 1, tied 4 and lost 3 against careful tuning by hand"
    )
    dataset = "digits"
    seeds = {"quick": 3, "full": 8}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Trains the pool and the grids; grids of 81 are left out where it must be quick."""
        assert bench.dataset is not None
        trials = Trials(bench.dataset)
        number, epochs = (12, 3) if bench.is_quick else (32, 5)
        found: dict[str, Any] = {"random": [], "ends": [], "middles": [], "large": []}
        for seed in bench.seeds:
            asked = {"random": points("random", SPACE, number, seed), "ends": grid("ends", seed, SIZE)}
            asked["middles"] = grid("middles", seed, SIZE)
            if seed < LARGE_GRIDS and not bench.is_quick:
                asked["large"] = grid("ends", seed, LARGE)
            for kind, of_kind in asked.items():
                found[kind].append(bench.piece(f"{kind}-{seed}", trials.accuracies, of_kind, epochs))
        found["dealt"] = dealt(found)
        return found

    def judge(self, found: dict[str, Any]) -> Verdict:
        """16 random trials must be better than 16 on a grid from end to end; if on the other too, in all regimes."""
        rule = {"threshold": GAIN, "above": 0.0}
        dealt_out = at_least(gain(found["dealt"]["random"], found["dealt"]["ends"]), **rule)
        ends = at_least(gain(found["random"], found["ends"]), **rule, control=dealt_out.value)
        middles = at_least(gain(found["random"], found["middles"]), **rule)
        best = {kind: np.mean([np.max(of_grid) for of_grid in found[kind]]) for kind in ("ends", "middles")}
        sentence = (
            f"The best of 16 random trials has {100 * (best['ends'] + ends.value):.1f} % on the validation data, that "
            f"of a grid from end to end {100 * best['ends']:.1f} %, and that of a grid through the middles "
            f"{100 * best['middles']:.1f} %."
        )
        said = f"With the accuracies dealt out anew among the trials, the difference is {dealt_out}."
        also = {"16 random trials over a grid of 16 through the middles": middles}
        if found["large"]:
            also["8 random trials over a grid of 81"] = reported(gain(found["random"], found["large"], 8))
        return decide(
            sentence,
            {"16 random trials over a grid of 16 from end to end": ends},
            said,
            not dealt_out.holds,
            only="" if middles.holds else "against grids from end to end of each range",
            also=also,
        )

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws how good the best of n random trials is, over n, beside the grids."""
        picture = figure.new(6.0, 3.4)
        axes = picture.subplots()
        drawn = {number: best_of(found["random"], number, 1) for number in NUMBERS}
        axes.plot(NUMBERS, [of.mean() for of in drawn.values()], "o-", color=figure.BLUE, label="random, of a pool")
        bounds = np.transpose([np.quantile(of, [0.25, 0.75]) for of in drawn.values()])
        axes.fill_between(NUMBERS, *bounds, color=figure.LIGHT_BLUE, alpha=0.6, linewidth=0, label="half of them")
        for kind, marker, label, beside in (
            ("ends", "s", "grids from end to end", 0.95),
            ("middles", "^", "grids through the middles", 1.05),
            ("large", "s", None, 0.95),
        ):
            best = [np.max(of_grid) for of_grid in found[kind]]
            sizes = [beside * len(of_grid) for of_grid in found[kind]]
            axes.plot(sizes, best, marker, color=figure.ORANGE, markerfacecolor="none", label=label)
        axes.set_xscale("log", base=2)
        axes.set(xlabel="trials", ylabel="best validation accuracy")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.legend(frameon=False, loc="lower right")
        picture.tight_layout()
        return picture


def grid(kind: str, seed: int, number: int) -> list[dict[str, float]]:
    """Returns the points of a grid over `SPACE`, at a place that the seed draws.

    Args:
        kind: `"ends"`, each end moved inwards by up to a quarter of its range; or `"middles"`, those of the lower and
            of the upper half, both moved by up to a quarter.
        seed: of the moves.
        number: of trials, k⁴.
    """
    generator = np.random.default_rng(seed)
    moved = {}
    for name, distribution in SPACE.items():
        low, high = np.log([distribution.low, distribution.high])
        inwards = generator.uniform(0, 0.25, 2)
        places = (inwards[0], 1 - inwards[1]) if kind == "ends" else (2 * inwards[0], 0.5 + 2 * inwards[0])
        moved[name] = log_uniform(*(float(np.exp(low + place * (high - low))) for place in places))
    return points("grid", moved, number, 0)


def best_of(pool: list[list[float]], number: int, searches: int) -> np.ndarray:
    """Returns, for each of `DRAWS` draws, the mean over some random searches of their best of so many trials."""
    values = np.concatenate(pool)
    return np.random.default_rng(0).choice(values, (DRAWS, searches, number)).max(axis=2).mean(axis=1)


def gain(pool: list[list[float]], grids: list[list[float]], number: int = SIZE) -> Estimate:
    """Returns by how much random searches are better than grids, as many of them as there are grids.

    Args:
        pool: accuracies of random trials.
        grids: those of each grid's points.
        number: of trials of a random search.
    """
    best = np.array([np.max(of_grid) for of_grid in grids])
    drawn = np.random.default_rng(1).choice(best, (DRAWS, len(best))).mean(axis=1)
    differences = best_of(pool, number, len(best)) - drawn
    low, high = np.quantile(differences, [0.025, 0.975])
    return Estimate(float(differences.mean()), float(low), float(high), len(best))


def dealt(found: dict[str, Any]) -> dict[str, list]:
    """Returns the pool and the grids from end to end, with the accuracies of both dealt out anew among them."""
    groups = [*found["random"], *found["ends"]]
    values = np.random.default_rng(0).permutation(np.concatenate(groups))
    parts = [part.tolist() for part in np.split(values, np.cumsum([len(group) for group in groups])[:-1])]
    return {"random": parts[: len(found["random"])], "ends": parts[len(found["random"]) :]}
