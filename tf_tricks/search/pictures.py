"""The pictures of a search; each is a figure, or a sentence where there is nothing to draw."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tf_tricks.reports import figure
from tf_tricks.search import (
    history_picture,
    importances_picture,
    parallel_picture,
    random_and_grid_picture,
    slices_picture,
)
from tf_tricks.search.importances import Importances, importances
from tf_tricks.search.random_and_grid import most_important_ranges
from tf_tricks.search.results import TrialResult

NOTHING_COMPLETE = "no trial is complete, so that there is nothing to compare."


class Picture(NamedTuple):
    """A picture of a search.

    Attributes:
        title: what it shows, as a heading.
        reading: how it is read, a sentence.
        drawn: `matplotlib.figure.Figure`; or a sentence that says why there is none.
    """

    title: str
    reading: str
    drawn: Any


def pictures(
    results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str
) -> dict[str, Picture]:
    """Returns the `Picture`s of a search by their names, as those of files.

    Args:
        results: of all trials.
        space: dict of config path to Optuna's distribution; a dict or a list among its choices is JSON.
        metric: that the trials are compared by.
        direction: "up" if a larger value is better, "down" if a smaller one is.

    Example:
        >>> from optuna.distributions import FloatDistribution
        >>> trials = [TrialResult(0, "coarse", "failed", params={"l2": 0.5})]
        >>> pictures(trials, {"l2": FloatDistribution(0, 1)}, "val_accuracy", "up")["history"].drawn
        'no trial is complete, so that there is nothing to compare.'
    """
    found = importances(results, space, direction)
    return {
        "importances": Picture(
            "Which parameters make a difference",
            "A bar says what part of the differences between trials goes back to one parameter alone; the whisker is "
            "the spread between random forests, not that of another search.",
            _importances(found, metric),
        ),
        "history": Picture(
            "Trial after trial",
            "A point is a trial, the line the best so far; stages train for different numbers of epochs and are not "
            "compared with each other, and ticks at the edge are trials without a value.",
            history(results, metric, direction),
        ),
        "slices": Picture(
            "One parameter at a time",
            "A panel shows all trials over one parameter: where the points are good only in a narrow part, the "
            "parameter matters, and where the best lie at a border, the range should be wider.",
            slices(results, space, metric, direction),
        ),
        "parallel_coordinates": Picture(
            "All parameters at once",
            "A line is a trial, the darker the better: where dark lines bundle, good trials agree.",
            parallel_coordinates(results, space, metric, direction),
        ),
        "random_against_grid": Picture(
            "Random against grid",
            "A grid tries few values of the parameter that matters, a random search a new one in each trial "
            "(Bergstra and Bengio 2012, figure 1); above, the value over that parameter, smoothed.",
            _random_against_grid(found, results, space, metric, direction),
        ),
    }


def importances_of_parameters(
    results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str
) -> Any:
    """Returns a figure of the importances, by fANOVA; or a sentence. Arguments are those of `pictures`."""
    return _importances(importances(results, space, direction), metric)


def history(results: Sequence[TrialResult], metric: str, direction: str) -> Any:
    """Returns a figure of the values in the trials' order; or a sentence. Arguments are those of `pictures`."""
    if not any(r.compared for r in results):
        return NOTHING_COMPLETE
    with figure.style():
        return history_picture.draw(results, metric, direction)


def slices(results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str) -> Any:
    """Returns a figure of the values over each parameter; or a sentence. Arguments are those of `pictures`."""
    if not any(r.compared for r in results):
        return NOTHING_COMPLETE
    with figure.style():
        return slices_picture.draw(results, space, metric, direction)


def parallel_coordinates(results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str) -> Any:
    """Returns a figure of all parameters of each trial; or a sentence. Arguments are those of `pictures`."""
    if not any(r.compared and space.keys() <= r.params.keys() for r in results):
        return NOTHING_COMPLETE
    with figure.style():
        return parallel_picture.draw(results, space, metric, direction)


def random_against_grid(results: Sequence[TrialResult], space: Mapping[str, Any], metric: str, direction: str) -> Any:
    """Returns a figure of the trials beside a grid; or a sentence. Arguments are those of `pictures`."""
    return _random_against_grid(importances(results, space, direction), results, space, metric, direction)


def _importances(found: Importances, metric):
    if found.reason:
        return found.reason
    with figure.style():
        return importances_picture.draw(found, metric)


def _random_against_grid(found: Importances, results, space, metric, direction):
    paths = most_important_ranges(found, space)
    if len(paths) < 2:
        return "fewer than two parameters are ranges of numbers, so that there is no grid of two to compare with."
    if not any(r.compared and r.stage == found.stage and set(paths) <= r.params.keys() for r in results):
        return NOTHING_COMPLETE
    with figure.style():
        return random_and_grid_picture.draw(results, space, paths, found.stage, metric, direction)
