"""How large inputs are, and whether weights that were drawn for inputs of mean 0 and variance 1 can use them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tf_tricks.doctor.finding import Finding

_LARGE = 6.0
"""Root mean square from which on inputs are too large: pixels of 0 to 16 have about 8, of 0 to 255 about 140."""

_SURELY_LARGE = 60.0
_LARGE_FEATURE = 20.0
_SCALED_DOWN = 5.0
_SMALL = 0.1
"""Inputs that spread less than this are too small: from the 1 % to the 99 % quantile around each feature's mean."""

_WHY = (
    "Initial weights are drawn for inputs of mean 0 and variance 1 (LeCun et al. 1998, Efficient BackProp, section "
    "4.3; He et al. 2015, arXiv:1502.01852): {}"
)


class Scale(NamedTuple):
    """How large the values of an array [n, ...] are, over the examples and all places.

    Attributes:
        mean: of all values.
        deviation: their standard deviation.
        minimum: the smallest.
        maximum: the largest.
        largest: the largest root mean square of a feature (the last axis).
        spread: between the 1 % and the 99 % quantile of all values, after each feature's mean is taken away.
        finite: whether all are finite.
        pictures: whether there are at least two axes beside that of the features.
        integers: whether all are integers, as classes or tokens are.
        means: of each feature, at most the first 8.
        variances: likewise.
    """

    mean: float
    deviation: float
    minimum: float
    maximum: float
    largest: float
    spread: float
    finite: bool
    pictures: bool
    integers: bool
    means: tuple[float, ...]
    variances: tuple[float, ...]

    @property
    def size(self) -> float:
        """The root mean square."""
        return float(np.hypot(self.mean, self.deviation))


def scale_of(array: np.ndarray) -> Scale:
    """Returns the `Scale` of an array [n, ...].

    Example:
        >>> scale = scale_of(np.array([[0.0, 100.0], [2.0, 300.0]]))
        >>> scale.maximum, scale.means, round(scale.largest)
        (300.0, (1.0, 200.0), 224)
    """
    values = np.asarray(array, "float64")
    finite = bool(np.isfinite(values).all())
    if not finite:
        nan = float("nan")
        return Scale(nan, nan, nan, nan, nan, nan, False, values.ndim > 3, False, (), ())
    features = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
    means, variances = features.mean(axis=0), features.var(axis=0)
    low, high = np.quantile(_some(features - means), (0.01, 0.99))
    return Scale(
        mean=float(values.mean()),
        deviation=float(values.std()),
        minimum=float(values.min()),
        maximum=float(values.max()),
        largest=float(np.sqrt((means**2 + variances).max())),
        spread=float(high - low),
        finite=True,
        pictures=values.ndim > 3,
        integers=np.asarray(array).dtype.kind in "bui",
        means=tuple(means[:8].tolist()),
        variances=tuple(variances[:8].tolist()),
    )


def _some(values):
    """Quantiles of millions of numbers would take long."""
    values = values.reshape(-1)
    return values[:: max(1, len(values) // 500_000)]


def finding_of_scales(raw: Mapping[str, Scale], at_weights: Mapping[str, Scale]) -> Finding | None:
    """Returns what is wrong with the worst of the inputs as they reach the first weights, None if nothing is.

    Inputs that were fine as they are stored and are not where they are used have been scaled once too often.

    Args:
        raw: dict of input to its `Scale`, as stored.
        at_weights: dict of layer to the `Scale` of what reaches it.
    """
    stored = list(raw.values())
    fine = bool(stored) and all(_is_fine(scale) for scale in stored)
    found = [one for one in (_of_scale(name, scale, fine, stored) for name, scale in at_weights.items()) if one]
    return max(found, key=lambda finding: finding.confidence, default=None)


def _is_fine(scale):
    return scale.size < 3.5 and scale.largest < _LARGE_FEATURE / 2 and scale.spread > _SMALL


def _of_scale(layer, scale, fine, stored):
    spread = scale.spread < _SMALL and scale.maximum - scale.minimum < 10 * _SMALL
    if spread and scale.deviation > 0:
        return _small(layer, scale, stored)
    if scale.size >= _LARGE or scale.largest >= _LARGE_FEATURE:
        return _large(layer, scale, fine)
    before = max((one.size for one in stored), default=0.0)
    if fine and scale.size > 3 and scale.size > 2.5 * before:
        return _twice(layer, scale, "where the examples have a scale that the weights could use", 0.6)
    return None


def _small(layer, scale, stored):
    if any(one.spread > _SCALED_DOWN * scale.spread for one in stored):
        return _twice(layer, scale, "so that they hardly differ any more", 0.93)
    if scale.pictures:
        return _twice(layer, scale, "as pixels do that were divided by 255 twice", 0.88)
    return Finding(
        "inputs_not_normalised",
        f"{_measured(layer, scale)}, so that it hardly differs from example to example",
        _WHY.format("of inputs that are this small nothing is left after some layers, and learning is slow."),
        _CHANGE,
        0.8,
    )


def _large(layer, scale, fine):
    times = max(scale.size / _LARGE, scale.largest / _LARGE_FEATURE)
    confidence = float(np.clip(0.55 + 0.4 * np.log(times) / np.log(_SURELY_LARGE / _LARGE), 0.55, 0.96))
    if fine:
        return _twice(layer, scale, "where the examples have a scale that the weights could use", confidence)
    return Finding(
        "inputs_not_normalised",
        _measured(layer, scale),
        _WHY.format(
            "larger ones make large activations and gradients, which saturate units and need a tiny learning rate; "
            "features of different scales make the loss a narrow valley."
        ),
        _CHANGE,
        confidence,
    )


_CHANGE = (
    "standardise them: the models of tf_tricks do that themselves (config.model); in a model of your own begin with "
    "keras.layers.Normalization() and adapt(x_train), or for pixels of 0 to 255 keras.layers.Rescaling(1 / 127.5, -1)"
)


def _twice(layer, scale, how, confidence):
    return Finding(
        "inputs_normalised_twice",
        f"{_measured(layer, scale)}, {how}",
        _WHY.format("a second scaling takes the inputs away from that, and most of what tells them apart with it."),
        "leave one of the two out: the layer at the model's start (Rescaling, Normalization, preprocess_input), or "
        "what is done to the arrays",
        confidence,
    )


def _measured(layer, scale):
    text = f"what reaches the first weights ({layer}) has mean {scale.mean:.3g} and standard deviation "
    text += f"{scale.deviation:.3g}, from {scale.minimum:.3g} to {scale.maximum:.3g}"
    if scale.largest > 3 * max(scale.size, 1e-12):
        text += f"; the largest feature has a root mean square of {scale.largest:.3g}"
    return text
