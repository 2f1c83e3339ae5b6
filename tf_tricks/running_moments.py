"""Mean, variance and covariance in one pass, and what counts as constant."""

from typing import Any

import numpy as np


class RunningMoments:
    """Count, mean and scatter Σ (x − mean)² (or Σ (x − mean)(x − mean)ᵀ) of everything added so far.

    Two parts A and B are merged, with d = mean_B − mean_A, by:

        n = n_A + n_B
        mean = mean_A + d n_B / n
        scatter = scatter_A + scatter_B + d² n_A n_B / n

    No large numbers are subtracted from each other, so the digits survive however far the mean is from 0: Chan, Golub
    & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances". Float64.

    Example:
        >>> import numpy as np
        >>> moments = RunningMoments()
        >>> moments.add(2, np.array([1.0]), np.array([2.0]))
        >>> moments.add(1, np.array([4.0]), np.array([0.0]))
        >>> moments.count, moments.mean.tolist(), moments.variance.tolist()
        (3, [2.0], [2.6666666666666665])
    """

    def __init__(self):
        self.count, self.mean, self.scatter = 0, 0.0, 0.0

    def add(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        """Merges a part.

        Args:
            count: how many values the part has, above 0.
            mean: their mean, array [d].
            scatter: sum of the squares [d], or of the products [d, d], of their deviations from `mean`.
        """
        difference = mean - self.mean
        total = self.count + count
        square = difference**2 if np.ndim(scatter) == 1 else np.outer(difference, difference)
        self.scatter = self.scatter + scatter + square * (self.count * count / total)
        self.mean = self.mean + difference * (count / total)
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """The population variance (or covariance), scatter / n."""
        return self.scatter / self.count


def mean_and_scatter(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and Σ (x − mean)² over the first axis; of values that are all the same, exactly those and 0.

    Args:
        values: float64 array [n, ...].

    Example:
        >>> import numpy as np
        >>> mean, scatter = mean_and_scatter(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]]))
        >>> mean.tolist(), scatter.tolist()
        ([0.1, 3.0], [0.0, 14.0])
    """
    deviations = values - values[0]
    mean = deviations.mean(axis=0)
    deviations -= mean
    return values[0] + mean, np.square(deviations, out=deviations).sum(axis=0)


def is_constant(mean: Any, variance: Any) -> Any:
    """Returns which features are constant to the precision of float32: √variance ≤ 10⁻⁶ |mean|.

    Such a one must not be divided by its deviation, which is a rounding error.

    Args:
        mean: array or tensor [d].
        variance: likewise.

    Example:
        >>> import numpy as np
        >>> is_constant(np.array([0.1, 0.1, 0.0]), np.array([1e-16, 1e-12, 0.0])).tolist()
        [True, False, True]
    """
    rounding = 1e-6 * mean
    return variance <= rounding * rounding
