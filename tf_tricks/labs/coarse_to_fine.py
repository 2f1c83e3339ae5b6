"""Whether a coarse search on logarithmic scales and then a finer one find more than a single stage as long."""

from typing import Any

import numpy as np

from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.lab import Lab
from tf_tricks.labs.bench.quantity import at_least, bootstrapped
from tf_tricks.labs.bench.trials import SPACE, Trials
from tf_tricks.labs.bench.verdict import Verdict, decide
from tf_tricks.reports import figure
from tf_tricks.search import uniform
from tf_tricks.search.points import points
from tf_tricks.search.stages import narrowed

COARSE, FINE, SINGLE = 24, 8, 16  # trials; those of the last two are trained three times as long
LINEAR = {name: uniform(distribution.low, distribution.high) for name, distribution in SPACE.items()}
GAIN = 0.005  # of validation accuracy, by which two stages must be better than one
NARROWED = 0.008  # by which the finer stage must be, for looking where the best coarse trials were
LOGARITHMIC = 0.2  # by which logarithmic scales must be better than linear ones


class CoarseToFine(Lab):
    """A network of one hidden layer; searched are learning rate, L2, width and scale of its weights.

    24 coarse trials of 2 epochs are drawn from the whole space. The finer stage is the best of them and 7 more from
    where the best quarter was, all of 6 epochs. That is as long as the single stage, 16 trials of 6 epochs, which are
    the first of the coarse ones and so pairs by seed. In the control the finer stage draws from the whole space again:
    that the trials are divided into two stages must bring nothing by itself. On linear scales, where nearly all
    learning rates are above 1, there is a single stage as well. Each search is worth the best validation accuracy of
    the trials that it trained for 6 epochs, of which the two stages have half as many to choose from.

    Small runs gave 1.0 points for two stages, 1.7 for the narrowing and 51 for logarithmic scales; the thresholds are
    half of these or less. The intervals are bootstrapped, since the differences are skewed: now and then a single stage
    finds nothing good at all. Over 12 seeds one of these makes most of the mean, with 9.7 points; over the other 11 it
    is 0.6 points, and Student's interval then lies above 0, too. A quick run has too few seeds to tell.
    """

    claim = "Run a coarse search on a logarithmic scale for just a few epochs, then a finer one."
    paper = "The lecture; Bergstra & Bengio 2012 for random trials"
    dataset = "digits"
    seeds = {"quick": 3, "full": 12}

    def measure(self, bench: Bench) -> dict[str, Any]:
        """Carries out each search, for each seed."""
        assert bench.dataset is not None
        trials, epochs = Trials(bench.dataset), 1 if bench.is_quick else 2

        def of_seed(seed: int, epochs: int) -> dict[str, list[float]]:
            return searches(trials, seed, epochs)

        of_seeds = [bench.piece(f"seed-{seed}", of_seed, seed, epochs) for seed in bench.seeds]
        return {key: [of_one[key] for of_one in of_seeds] for key in of_seeds[0]} | {"epochs": epochs}

    def judge(self, found: dict[str, Any]) -> Verdict:
        """Two stages must be better than one, and only if the second is narrowed; logarithms better than none."""
        best = {key: np.max(found[key], axis=1) for key in ("finer", "single", "not narrowed", "linear")}
        differences = {
            f"{one} over {other}": bootstrapped(best[one] - best[other])
            for one, other in (
                ("finer", "single"),
                ("finer", "not narrowed"),
                ("single", "linear"),
                ("not narrowed", "single"),
            )
        }
        control = at_least(differences["not narrowed over single"], GAIN, above=0.0)
        quantities = {
            "two stages over one": at_least(differences["finer over single"], GAIN, above=0.0, control=control.value),
            "narrowed over not": at_least(differences["finer over not narrowed"], NARROWED, above=0.0),
            "logarithmic over linear": at_least(differences["single over linear"], LOGARITHMIC, above=0.0),
        }
        percent = {key: f"{100 * values.mean():.1f} %" for key, values in best.items()}
        sentence = (
            f"The best trial of two stages has {percent['finer']} on the validation data, that of one stage of as many "
            f"epochs {percent['single']}, and on linear scales {percent['linear']}."
        )
        said = f"Where the second stage draws from the whole space again, it is {percent['not narrowed']}."
        return decide(sentence, quantities, said, not control.holds)

    def draw(self, found: dict[str, Any]) -> Any:
        """Draws the best accuracy so far over the epochs that the trials have had together."""
        picture = figure.new(6.0, 3.4)
        axes = picture.subplots()
        short, ends = found["epochs"], []
        for key, color, line, start, label in (
            ("single", figure.BLUE, "-", 0, "one stage"),
            ("finer", figure.ORANGE, "--", COARSE * short, "finer stage"),
            ("not narrowed", figure.GRAY, ":", COARSE * short, "from the whole space again"),
        ):
            so_far = np.maximum.accumulate(found[key], axis=1).mean(axis=0)
            ends.append(so_far[-1])
            spent = start + 3 * short * np.arange(1, len(so_far) + 1)
            axes.plot(spent, so_far, line, color=color, linewidth=1.8, label=label)
        axes.axvspan(0, COARSE * short, color="#eeeeee", linewidth=0)
        axes.text(short, 0.995, "coarse stage", va="top", color=figure.GRAY, transform=axes.get_xaxis_transform())
        axes.set(
            xlabel="epochs of all trials together", ylabel="best validation accuracy", ylim=(0.85 * min(ends), 1.0)
        )
        axes.legend(frameon=False, loc="lower right")
        picture.tight_layout()
        return picture


def searches(trials: Trials, seed: int, epochs: int) -> dict[str, list[float]]:
    """Returns the validation accuracies of all trials of each search, those that were trained longest.

    Args:
        trials: which trains them.
        seed: of the points; those of the single stage are coarse ones.
        epochs: of a coarse trial; the others have three times as many.
    """
    coarse = points("random", SPACE, COARSE, seed)
    values = trials.accuracies(coarse, epochs)
    best = trials.accuracies([coarse[int(np.argmax(values))]], 3 * epochs)

    def longer(space, number):
        return trials.accuracies(points("random", space, number, seed + 1000), 3 * epochs)

    return {
        "coarse": values,
        "finer": best + longer(narrowed(SPACE, coarse, values), FINE - 1),
        "not narrowed": best + longer(SPACE, FINE - 1),
        "single": trials.accuracies(coarse[:SINGLE], 3 * epochs),
        "linear": longer(LINEAR, SINGLE),
    }
