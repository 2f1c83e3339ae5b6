"""The nearest neighbour of each row, by brute force in blocks."""

import numpy as np

_BLOCK = 256


def nearest_distances(rows: np.ndarray, among: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
    """Returns the Euclidean distance of each row to its nearest among others, float32 [n].

    Args:
        rows: float [n, d].
        among: float [m, d].
        own: the place of each row in `among`, which does not count; None where they are others.

    Example:
        >>> points = np.array([[0.0], [1.0], [5.0]])
        >>> nearest_distances(points, points, np.arange(3)).tolist()
        [1.0, 1.0, 4.0]
    """
    rows, among = np.asarray(rows, "float32"), np.asarray(among, "float32")
    squares = np.einsum("md,md->m", among, among)
    found = np.empty(len(rows), "float32")
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        distances = squares - 2 * some @ among.T
        if own is not None:
            distances[np.arange(len(some)), own[start : start + _BLOCK]] = np.inf
        # What is nearest by the fast formula is measured once more: it loses small distances to rounding.
        found[start : start + _BLOCK] = np.sqrt(((some - among[distances.argmin(axis=1)]) ** 2).sum(axis=1))
    return found
