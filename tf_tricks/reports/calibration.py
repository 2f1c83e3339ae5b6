"""Whether a model is right as often as it says: expected calibration error and what a reliability diagram shows."""

from typing import Any

import numpy as np

BINS = 15
"""As in Guo et al. 2017."""


class Calibration:
    """Confidence and accuracy in bins of the confidence, added up batch by batch.

    With bins B_m = ((m − 1)/M, m/M], m = 1 … M, and n examples, the expected calibration error is (Guo et al. 2017, "On
    calibration of modern neural networks", arXiv:1706.04599):

        ECE = Σ_m |B_m|/n · |accuracy(B_m) − confidence(B_m)|

    Examples count by their weights.

    Args:
        bins: M.

    Example:
        >>> calibration = Calibration()
        >>> calibration.add(np.array([0.9, 0.9]), np.array([1.0, 0.0]), np.ones(2))
        >>> round(calibration.error, 3)
        0.4
    """

    def __init__(self, bins: int = BINS):
        self.weights, self._confidences, self._rights = np.zeros((3, bins))

    def add(self, confidences: np.ndarray, rights: np.ndarray, weights: np.ndarray) -> None:
        """Adds predictions.

        Args:
            confidences: the probability that the model gives to what it predicts, [m].
            rights: 1 where that is right, 0 where not, [m].
            weights: what each counts, [m].
        """
        number = len(self.weights)
        bins = np.clip(np.ceil(confidences * number).astype("int64") - 1, 0, number - 1)
        self.weights += np.bincount(bins, weights, number)
        self._confidences += np.bincount(bins, weights * confidences, number)
        self._rights += np.bincount(bins, weights * rights, number)

    @property
    def confidences(self) -> np.ndarray:
        """The mean confidence in each bin, NaN where it is empty."""
        return _divided(self._confidences, self.weights)

    @property
    def accuracies(self) -> np.ndarray:
        """The accuracy in each bin, NaN where it is empty."""
        return _divided(self._rights, self.weights)

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 to 1."""
        return float(np.abs(self._rights - self._confidences).sum() / self.weights.sum())

    def summary(self) -> dict[str, Any]:
        """Returns a dict of `expected_calibration_error` and `bins`, those that are not empty."""
        number = len(self.weights)
        bins = [
            {"from": m / number, "to": (m + 1) / number, "confidence": confidence, "accuracy": accuracy, "weight": w}
            for m, (w, confidence, accuracy) in enumerate(
                zip(self.weights.tolist(), self.confidences.tolist(), self.accuracies.tolist())
            )
            if w > 0
        ]
        return {"expected_calibration_error": self.error, "bins": bins}


def _divided(sums, weights):
    return np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)
