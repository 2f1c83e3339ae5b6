"""The examples that a model is most wrong about."""

from typing import Any

import numpy as np

NUMBER = 25


class Worst:
    """Keeps the rows with the highest loss, batch by batch; of equal ones the first.

    Args:
        number: how many to keep.

    Example:
        >>> worst = Worst(2)
        >>> worst.add(np.array([0.5, 3.0, 1.0]), example=np.array([0, 1, 2]))
        >>> worst.rows()
        [{'example': 1, 'loss': 3.0}, {'example': 2, 'loss': 1.0}]
    """

    def __init__(self, number: int = NUMBER):
        self._number = number
        self._losses = np.zeros(0)
        self._columns: dict[str, np.ndarray] = {}

    def add(self, losses: np.ndarray, **columns: np.ndarray) -> None:
        """Adds rows.

        Args:
            losses: floats [m].
            **columns: what else is known of each, arrays [m, ...].
        """
        losses = np.concatenate([self._losses, losses])
        if self._columns:
            columns = {name: np.concatenate([self._columns[name], column]) for name, column in columns.items()}
        order = np.argsort(-losses, kind="stable")[: self._number]
        self._losses = losses[order]
        self._columns = {name: np.asarray(column)[order] for name, column in columns.items()}

    def rows(self) -> list[dict[str, Any]]:
        """Returns a dict for each, from the highest loss on, the loss in it as `loss`."""
        return [
            {name: column[i].tolist() for name, column in self._columns.items()} | {"loss": float(loss)}
            for i, loss in enumerate(self._losses)
        ]
