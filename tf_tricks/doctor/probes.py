"""Whether simple learners predict labels better than chance, on examples that they have not seen."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

ENOUGH = 5.0
"""Standard deviations above chance from which on no further learner is asked."""

_COMPONENTS = 16
_FOLDS = 3


class Probe(NamedTuple):
    """What the best of the learners predicts.

    Attributes:
        learner: its name.
        deviations: by how many standard deviations its predictions fit the labels better than shuffled labels.
    """

    learner: str
    deviations: float


def deviations(scores: np.ndarray, targets: np.ndarray) -> float:
    """Returns how far scores fit targets better than they fit the targets in another order, in standard deviations.

    The statistic is the sum of the products of scores and targets; its mean and variance over all orders of the targets
    are known (Hoeffding 1951, A combinatorial central limit theorem).

    Args:
        scores: float [n, K], such as probabilities of the classes or predicted values.
        targets: float [n, K], such as one-hot rows.

    Example:
        >>> scores = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
        >>> deviations(scores, scores), deviations(scores, 0 * scores)  # correlation times the root of n - 1
        (2.0, 0.0)
    """
    scores, targets = np.asarray(scores, "float64"), np.asarray(targets, "float64")
    scores, targets = scores - scores.mean(axis=0), targets - targets.mean(axis=0)
    variance = np.sum((scores.T @ scores) * (targets.T @ targets)) / max(1, len(scores) - 1)
    return float(np.sum(scores * targets) / np.sqrt(variance)) if variance > 0 else 0.0


def probe(rows: np.ndarray, targets: np.ndarray, say: Callable[[str], None]) -> Probe:
    """Returns the `Probe` of the learner that predicts best; the fastest is asked first.

    Args:
        rows: float [n, d], the examples.
        targets: float [n, K], one-hot rows or numbers.
        say: function of a line that says what is being done.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(200, 3))
        >>> found = probe(rows, rows[:, :1] > 0, say=lambda line: None)
        >>> found.learner, found.deviations > 5
        ('a ridge regression', True)
    """
    rows, targets = standardized(rows), np.asarray(targets, "float64")
    best = Probe("none", 0.0)
    for name, learner in _learners(rows.shape[1]):
        say(f"asking {name} for the labels")
        found = Probe(name, deviations(_unseen(learner, rows, targets), targets))
        best = max(best, found, key=lambda one: one.deviations)
        if best.deviations > ENOUGH:
            break
    return best


def standardized(rows: np.ndarray) -> np.ndarray:
    """Returns rows with columns of mean 0 and variance 1, without those that are constant."""
    spread = rows.std(axis=0)
    rows = rows[:, spread > 0]
    if not rows.shape[1]:
        return np.zeros((len(rows), 1), "float32")
    return np.clip((rows - rows.mean(axis=0)) / spread[spread > 0], -10, 10)


def _learners(columns) -> Iterator[tuple[str, Any]]:
    """Learners of scikit-learn by their names. Classes are learned as one-hot rows, by squared error."""
    from sklearn import decomposition, ensemble, linear_model, neighbors, pipeline

    yield "a ridge regression", linear_model.Ridge(max(10.0, columns))
    near = neighbors.KNeighborsRegressor(10)
    if columns > 2 * _COMPONENTS:
        near = pipeline.make_pipeline(decomposition.PCA(_COMPONENTS, svd_solver="randomized", random_state=0), near)
    yield "nearest neighbours", near
    some = "sqrt" if columns > _COMPONENTS else 0.5
    yield "random trees", ensemble.ExtraTreesRegressor(60, min_samples_leaf=3, max_features=some, random_state=0)


def _unseen(learner, rows, targets):
    """Scores [n, K] of examples by a learner that has not seen them."""
    from sklearn.base import clone
    from sklearn.model_selection import KFold

    scores = np.zeros(targets.shape)
    for seen, unseen in KFold(min(_FOLDS, len(rows)), shuffle=True, random_state=0).split(rows):
        wanted = targets[seen] if targets.shape[1] > 1 else targets[seen, 0]
        fitted = clone(learner).fit(rows[seen], wanted)
        scores[unseen] = np.reshape(fitted.predict(rows[unseen]), (len(unseen), -1))
        scores[unseen] -= scores[unseen].mean(axis=0)  # of a fold: that folds differ says nothing
    return scores
