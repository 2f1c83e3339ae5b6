"""How far predicted numbers are from the right ones: MAE, RMSE and R²."""

from typing import Any

import numpy as np

from tf_tricks.running_moments import RunningMoments


class ErrorsOfNumbers:
    """Errors of each of d numbers, by weight, added up batch by batch.

        MAE = Σ w |p − y| / Σ w,   RMSE = √(Σ w (p − y)² / Σ w),   R² = 1 − Σ w (p − y)² / Σ w (y − ȳ)²

    R² is 1 where all is right and 0 where the mean ȳ would do as well; a number that is the same everywhere has none.

    Example:
        >>> errors = ErrorsOfNumbers()
        >>> errors.add(np.array([[0.0], [2.0]]), np.array([[0.0], [1.0]]), np.ones(2))
        >>> errors.summary()["mean_absolute_error"], errors.summary()["r2"]
        (0.5, 0.5)
    """

    def __init__(self) -> None:
        self._absolute: Any = 0.0
        self._square: Any = 0.0
        self._labels = RunningMoments()

    def add(self, labels: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
        """Adds examples: the right numbers [m, d], the predicted ones [m, d], and what each counts [m]."""
        total = weights.sum()
        if total == 0:
            return
        errors = np.abs(values - labels)
        self._absolute = self._absolute + weights @ errors
        self._square = self._square + weights @ errors**2
        shift = labels[0]  # numbers far from 0 keep their digits
        mean = weights @ (labels - shift) / total
        self._labels.add(total, shift + mean, weights @ (labels - shift - mean) ** 2)

    def each(self) -> dict[str, np.ndarray]:
        """Returns the errors of each number, float64 [d]; R² is NaN where the number is constant."""
        total = self._labels.count
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(self._labels.scatter > 0, 1 - self._square / self._labels.scatter, np.nan)
        return {
            "mean_absolute_error": self._absolute / total,
            "root_mean_squared_error": np.sqrt(self._square / total),
            "r2": r2,
        }

    def summary(self) -> dict[str, Any]:
        """Returns the errors over all numbers: of R² the mean of those that have one, or None."""
        each = self.each()
        r2 = each["r2"][np.isfinite(each["r2"])]
        return {
            "mean_absolute_error": float(each["mean_absolute_error"].mean()),
            "root_mean_squared_error": float(np.sqrt(np.mean(each["root_mean_squared_error"] ** 2))),
            "r2": float(r2.mean()) if r2.size else None,
        }
