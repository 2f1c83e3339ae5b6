"""Which classes are taken for which, and precision, recall and F1 of each."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np


class Confusion:
    """How often each class was predicted where each was right, by weight, added up batch by batch.

    Args:
        num_classes: K.

    Attributes:
        counts: float64 [K, K], a row for each right class, a column for each predicted one.

    Example:
        >>> confusion = Confusion(2)
        >>> confusion.add(np.array([0, 1, 1]), np.array([0, 0, 1]), np.ones(3))
        >>> confusion.counts.tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """

    def __init__(self, num_classes: int):
        self.counts = np.zeros((num_classes, num_classes))

    def add(self, true: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> None:
        """Adds examples: integers [m], integers [m], numbers [m]."""
        number = len(self.counts)
        self.counts += np.bincount(true * number + predicted, weights, number**2).reshape(number, number)

    @property
    def accuracy(self) -> float:
        """The part of the weight that lies on the diagonal."""
        return float(np.trace(self.counts) / self.counts.sum())

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Returns precision, recall, F1 and support of each class, and their means, as scikit-learn has them.

        Classes that are neither right nor predicted anywhere have none, and are left out of the means.

        Args:
            names: of the classes.

        Returns:
            A dict of `classes`, by name, `macro_average` (each class counts the same), `weighted_average` (each by its
            support) and `absent`, the names of the classes left out.
        """
        from sklearn.metrics import precision_recall_fscore_support

        true, predicted = np.nonzero(self.counts)
        present = np.union1d(true, predicted)
        given = dict(labels=present, sample_weight=self.counts[true, predicted], zero_division=0.0)
        each = zip(*precision_recall_fscore_support(true, predicted, average=None, **given))
        classes = {names[k]: _scores(*values) for k, values in zip(present, each)}
        averages = {}
        for average in ("macro", "weighted"):
            precision, recall, f1_score, _ = precision_recall_fscore_support(true, predicted, average=average, **given)
            averages[f"{average}_average"] = _scores(precision, recall, f1_score, self.counts.sum())
        return {"classes": classes, **averages, "absent": [name for name in names if name not in classes]}

    def most_confused(self, names: Sequence[str], number: int = 25) -> list[dict[str, Any]]:
        """Returns the pairs of classes that are confused most often, from the most frequent on.

        Args:
            names: of the classes.
            number: how many pairs at most.
        """
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:number]
        pairs = [divmod(int(place), len(wrong)) for place in order if wrong.flat[place] > 0]
        return [dict(true=names[i], predicted=names[j], count=wrong[i, j].item()) for i, j in pairs]


def as_csv(corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]]) -> bytes:
    r"""Returns a table as a CSV file.

    Args:
        corner: the heading of the rows' names.
        columns: the headings of the others.
        rows: the name and the numbers of each.

    Example:
        >>> as_csv("class", ["precision"], [("cat", [0.5]), ("dog", [1.0])])
        b'class,precision\ncat,0.5\ndog,1\n'
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([corner, *columns])
    writer.writerows([name, *(f"{value:.10g}" for value in values)] for name, values in rows)
    return file.getvalue().encode()


def _scores(precision, recall, f1_score, support):
    return dict(precision=float(precision), recall=float(recall), f1_score=float(f1_score), support=float(support))
